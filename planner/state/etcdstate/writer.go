package etcdstate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"viver/planner/state"
	"viver/planner/state/batch"
)

// writer is a state that is open to be changed.
type writer struct {
	*Prefix
	client  *clientv3.Client
	session *concurrency.Session // keeps the lease
	lock    int64                // the revision that made our lock

	queue  *batch.Queue[[]state.Change] // whoever is served or alone may change what follows
	loaded loaded
	broken error

	mu    sync.Mutex
	state *state.State // guarded by mu
}

var errLost = errors.New("the right to write was lost: the lease ran out, or somebody used `viver force-unlock`; run the command again")

// Open implements state.Backend.
func (p *Prefix) Open(ctx context.Context, command string) (state.Writer, error) {
	client, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{Prefix: p, client: client, queue: batch.New[[]state.Change]()}
	if err := w.open(ctx, state.Self(command)); err != nil {
		return nil, errors.Join(err, w.release())
	}
	return w, nil
}

func (w *writer) open(parent context.Context, self state.Holder) error {
	ctx, cancel := context.WithTimeout(parent, loadTimeout)
	defer cancel()
	lease, err := w.client.Grant(ctx, w.lease())
	if err != nil {
		return w.explain("lock", err)
	}
	// The session outlives ctx: Ctrl-C must not end the lease before what was done is written down.
	w.session, err = concurrency.NewSession(w.client, concurrency.WithLease(lease.ID), concurrency.WithContext(context.WithoutCancel(parent)))
	if err != nil {
		return w.explain("lock", err)
	}
	if err := w.take(ctx, self); err != nil {
		return err
	}
	if w.loaded, err = w.load(ctx, w.client); err != nil {
		return w.explain("open", err)
	}
	w.state = w.loaded.state
	if w.loaded.raw != "" {
		return nil
	}
	return w.begin()
}

// take takes the lock.
func (w *writer) take(ctx context.Context, self state.Holder) error {
	key := w.Prefix.Prefix + lockKey
	r, err := w.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(self.Text()), clientv3.WithLease(w.session.Lease()))).
		Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return w.explain("lock", err)
	}
	if r.Succeeded {
		w.lock = r.Header.Revision
		return nil
	}
	locked := &state.LockedError{
		Place: w.Place(), Advice: "; one that died keeps the lock for a minute at most, and `viver force-unlock` takes it away from any other",
	}
	if kvs := r.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		locked.Holder = state.ParseHolder(kvs[0].Value)
	}
	return locked
}

// begin makes an empty state.
func (w *writer) begin() error {
	key := state.NewKey()
	if err := w.commit("", meta{Layout: layoutVersion, Format: state.Format, Lineage: rand.Text()}, clientv3.OpPut(w.Prefix.Prefix+keyKey, string(key))); err != nil {
		return w.explain("make", err)
	}
	w.state = state.New(w.loaded.meta.Lineage, key)
	return nil
}

// commitTimeout is how long a commit is tried again while the servers change their leader, or the network is away.
const commitTimeout = 30 * time.Second

// commit carries operations out, and sets meta from what it was, if the lock is ours still. An answer that was lost on the way does not matter:
// meta says whether it was done.
func (w *writer) commit(before string, next meta, ops ...clientv3.Op) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	ours := clientv3.Compare(clientv3.CreateRevision(w.Prefix.Prefix+lockKey), "=", w.lock)
	metaIs := clientv3.Compare(clientv3.Value(w.Prefix.Prefix+metaKey), "=", before)
	if before == "" {
		metaIs = clientv3.Compare(clientv3.CreateRevision(w.Prefix.Prefix+metaKey), "=", 0)
	}
	ops = append(ops, clientv3.OpPut(w.Prefix.Prefix+metaKey, next.text()))
	done, err := w.ask(ctx, []clientv3.Cmp{ours, metaIs}, ops)
	if err == nil && !done { // perhaps by the try before, whose answer was lost
		done, err = w.ask(ctx, []clientv3.Cmp{ours, clientv3.Compare(clientv3.Value(w.Prefix.Prefix+metaKey), "=", next.text())}, nil)
	}
	if err == nil && !done {
		err = errLost
	}
	if err != nil {
		return err
	}
	w.loaded.meta, w.loaded.raw = next, next.text()
	return nil
}

// retryPause is the time between two tries.
const retryPause = 500 * time.Millisecond

// ask asks for a transaction until there is an answer.
func (w *writer) ask(ctx context.Context, conditions []clientv3.Cmp, ops []clientv3.Op) (bool, error) {
	for {
		once, cancel := context.WithTimeout(ctx, askTimeout)
		r, err := w.client.Txn(once).If(conditions...).Then(ops...).Commit()
		cancel()
		if err == nil {
			return r.Succeeded, nil
		}
		if !passing(err) {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-w.session.Done():
			return false, errLost
		case <-time.After(retryPause):
		}
	}
}

// State implements state.Writer.
func (w *writer) State() *state.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Clone()
}

// Instance implements state.Writer.
func (w *writer) Instance(address string) *state.Instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Instances[address]
}

// Append implements state.Writer.
func (w *writer) Append(changes ...state.Change) error { return w.queue.Do(changes, w.write) }

// write writes several Appends, as many of them in one transaction as fit.
func (w *writer) write(all [][]state.Change) []error {
	errs := make([]error, len(all))
	for first := 0; first < len(all); {
		documents, changes, next := map[string][]byte{}, []state.Change{}, first
		for ; next < len(all); next++ {
			more := maps.Clone(documents)
			if errs[next] = w.explain("write to", encodeChanges(more, all[next])); errs[next] != nil {
				continue
			}
			if len(changes) > 0 && !w.fits(more) {
				break
			}
			documents, changes = more, append(changes, all[next]...)
		}
		err := w.change(documents, changes)
		for ; first < next; first++ {
			if errs[first] == nil {
				errs[first] = err
			}
		}
	}
	return errs
}

// change makes changes, whose documents are given.
func (w *writer) change(documents map[string][]byte, changes []state.Change) error {
	if w.broken != nil || len(changes) == 0 {
		return w.broken
	}
	after := w.state.Clone()
	for _, c := range changes {
		after.Apply(c)
	}
	var err error
	if w.fits(documents) {
		err = w.inPlace(documents, after)
	} else {
		err = w.rewrite(after)
	}
	return w.end("write to", after, err)
}

// end makes a state that was written, or was not, the one that counts.
func (w *writer) end(what string, after *state.State, err error) error {
	if err != nil {
		w.broken = w.explain(what, err)
		return w.broken
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = after
	return nil
}

// Replace implements state.Writer.
func (w *writer) Replace(next *state.State) error {
	return w.queue.Alone(func() error {
		if w.broken != nil {
			return w.broken
		}
		after := next.WithKey(w.state.Key())
		after.Serial = max(next.Serial, w.state.Serial) + 1
		return w.end("replace", after, w.rewrite(after))
	})
}

// Keep implements state.Writer.
func (w *writer) Keep(name string, data []byte) error {
	return w.queue.Alone(func() error {
		if w.broken != nil {
			return w.broken
		}
		return w.explain("keep the "+name+" in", w.some(clientv3.OpPut(w.Prefix.Prefix+keptKey+name, string(data))))
	})
}

// Close implements state.Writer.
func (w *writer) Close() error {
	return w.queue.Alone(func() error {
		w.broken = errors.New("state: closed")
		return w.release()
	})
}

// release gives the lock back with the lease.
func (w *writer) release() error {
	var err error
	if w.session != nil {
		if err = w.session.Close(); err != nil {
			err = fmt.Errorf("state: unlock %s: %w: the lock ends by itself with its lease", w.Place(), err)
		}
	}
	return errors.Join(err, w.client.Close())
}
