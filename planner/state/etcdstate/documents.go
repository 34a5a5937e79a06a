package etcdstate

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"viver/planner/state"
)

// What one transaction may have: etcd takes 128 operations and 1.5 MiB unless it is told otherwise.
const (
	maxOps   = 100
	maxBytes = 1 << 20
)

// fits says whether documents can be written in one transaction.
func (w *writer) fits(documents map[string][]byte) bool {
	ops, bytes := 0, 0
	for name, data := range documents {
		ops += max(pieces(len(data)), w.loaded.sizes[name])
		bytes += len(data) + 2*len(name)
	}
	return ops < maxOps && bytes < maxBytes
}

// inPlace writes documents in one transaction.
func (w *writer) inPlace(documents map[string][]byte, after *state.State) error {
	next := w.loaded.meta
	next.Format, next.Lineage, next.Serial = state.Format, after.Lineage, after.Serial
	if w.loaded.meta.Format != state.Format { // the other documents are older
		return w.rewrite(after)
	}
	var ops []clientv3.Op
	for name, data := range documents {
		ops = append(ops, w.puts(next.Generation, name, data)...)
		kept := pieces(len(data))
		if data == nil {
			kept = 0
		}
		for n := kept; n < w.loaded.sizes[name]; n++ {
			ops = append(ops, clientv3.OpDelete(w.piece(next.Generation, name, n)))
		}
	}
	if err := w.commit(w.loaded.raw, next, ops...); err != nil {
		return err
	}
	for name, data := range documents {
		if w.loaded.sizes[name] = pieces(len(data)); data == nil {
			delete(w.loaded.sizes, name)
		}
	}
	return nil
}

// puts writes the pieces of a document; nil has none.
func (w *writer) puts(g uint64, name string, data []byte) (ops []clientv3.Op) {
	if data == nil {
		return nil
	}
	n := 0
	for piece := range slices.Chunk(data, pieceSize) {
		ops = append(ops, clientv3.OpPut(w.piece(g, name, n), string(piece)))
		n++
	}
	return ops
}

// rewrite writes a whole state as a new generation, and lets it count with the last transaction.
func (w *writer) rewrite(after *state.State) error {
	documents, err := encode(after)
	if err != nil {
		return err
	}
	old, next := w.loaded.meta, w.loaded.meta
	next.Format, next.Lineage, next.Serial = state.Format, after.Lineage, after.Serial
	next.Generation++
	// What a writer left that died in the middle of this.
	if err := w.some(clientv3.OpDelete(w.generation(next.Generation), clientv3.WithPrefix())); err != nil {
		return err
	}
	sizes := map[string]int{}
	var ops []clientv3.Op
	bytes := 0
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		sizes[name] = pieces(len(documents[name]))
		for _, op := range w.puts(next.Generation, name, documents[name]) {
			if bytes += len(op.ValueBytes()) + len(op.KeyBytes()); len(ops) == maxOps || bytes > maxBytes {
				if err := w.some(ops...); err != nil {
					return err
				}
				ops, bytes = nil, len(op.ValueBytes())+len(op.KeyBytes())
			}
			ops = append(ops, op)
		}
	}
	if err := w.some(ops...); err != nil {
		return err
	}
	if err := w.commit(w.loaded.raw, next); err != nil {
		return err
	}
	w.loaded.sizes = sizes
	return w.some(clientv3.OpDelete(w.generation(old.Generation), clientv3.WithPrefix()))
}

// some carries out operations that do not count yet, or any more.
func (w *writer) some(ops ...clientv3.Op) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	ours := clientv3.Compare(clientv3.CreateRevision(w.Prefix.Prefix+lockKey), "=", w.lock)
	done, err := w.ask(ctx, []clientv3.Cmp{ours}, ops)
	if err == nil && !done {
		err = errLost
	}
	return err
}

// passing tells errors that may pass from those that do not.
func passing(err error) bool {
	if errors.Is(err, rpctypes.ErrNoSpace) || errors.Is(err, rpctypes.ErrRequestTooLarge) {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	var known rpctypes.EtcdError
	code := status.Code(err)
	if errors.As(err, &known) {
		code = known.Code()
	}
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}
