package etcdstate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"viver/planner/state"
)

// The keys below the prefix that are no documents.
const (
	metaKey = "meta"
	keyKey  = "key"
	lockKey = "lock"
	keptKey = "kept/" // begins the keys of what Keep keeps
)

// The documents that are no instances.
const (
	outputsDocument  = "outputs"
	originsDocument  = "origins"
	instancePrefix   = "instance/"
	pieceSize        = 256 << 10 // bytes of a document in one key; etcd takes requests of 1.5 MiB
	pageSize         = 200       // keys that are asked for at once
	separator        = "\x00"    // between a document's name and the number of a piece
	generationDigits = "%08d/"
)

// layoutVersion is raised when an older viver could not read the keys.
const layoutVersion = 1

// meta says what counts.
type meta struct {
	Layout     int    `json:"layout"`
	Format     int    `json:"format"` // of the documents
	Lineage    string `json:"lineage"`
	Serial     uint64 `json:"serial"`
	Generation uint64 `json:"generation"`
}

func (m meta) text() string {
	data, err := json.Marshal(m)
	if err != nil { // it has nothing that cannot be encoded
		panic(err)
	}
	return string(data)
}

func parseMeta(data []byte) (meta, error) {
	var m meta
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w", metaKey, err)
	}
	if m.Layout != layoutVersion {
		return m, fmt.Errorf("a newer viver wrote it (layout %d, this one knows %d): install that viver", m.Layout, layoutVersion)
	}
	if m.Lineage == "" {
		return m, fmt.Errorf("%s has no lineage: something else uses these keys", metaKey)
	}
	return m, nil
}

func (p *Prefix) generation(g uint64) string { return p.Prefix + fmt.Sprintf(generationDigits, g) }

func (p *Prefix) piece(g uint64, document string, n int) string {
	return fmt.Sprintf("%s%s%s%06d", p.generation(g), document, separator, n)
}

// pieces is how many a document of so many bytes has.
func pieces(size int) int { return max(1, (size+pieceSize-1)/pieceSize) }

// loaded is what the keys hold.
type loaded struct {
	state *state.State
	meta  meta
	raw   string         // of meta; empty: there is none
	sizes map[string]int // pieces of each document
}

// readTries is how often load starts again when etcd forgot the past under it.
const readTries = 3

func (p *Prefix) load(ctx context.Context, c *clientv3.Client) (l loaded, err error) {
	for range readTries {
		if l, err = p.loadOnce(ctx, c); !errors.Is(err, rpctypes.ErrCompacted) {
			break
		}
	}
	return l, err
}

// loadOnce reads all as it was at one moment.
func (p *Prefix) loadOnce(ctx context.Context, c *clientv3.Client) (loaded, error) {
	head, err := c.Txn(ctx).Then(clientv3.OpGet(p.Prefix+metaKey), clientv3.OpGet(p.Prefix+keyKey)).Commit()
	if err != nil {
		return loaded{}, err
	}
	var key []byte
	if kvs := head.Responses[1].GetResponseRange().Kvs; len(kvs) > 0 {
		key = kvs[0].Value
	}
	kvs := head.Responses[0].GetResponseRange().Kvs
	if len(kvs) == 0 {
		return loaded{state: state.New("", key), sizes: map[string]int{}}, nil
	}
	l := loaded{raw: string(kvs[0].Value)}
	if l.meta, err = parseMeta(kvs[0].Value); err != nil {
		return loaded{}, err
	}
	documents, sizes, err := p.documents(ctx, c, l.meta.Generation, head.Header.Revision)
	if err != nil {
		return loaded{}, err
	}
	l.sizes = sizes
	l.state, err = decode(l.meta, documents, key)
	return l, err
}

// documents reads a generation as it was at a revision, a page at a time.
func (p *Prefix) documents(ctx context.Context, c *clientv3.Client, g uint64, revision int64) (map[string]*bytes.Buffer, map[string]int, error) {
	documents, sizes := map[string]*bytes.Buffer{}, map[string]int{}
	prefix := p.generation(g)
	end := clientv3.GetPrefixRangeEnd(prefix)
	for from := prefix; ; {
		r, err := c.Get(ctx, from, clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithLimit(pageSize))
		if err != nil {
			return nil, nil, err
		}
		for _, kv := range r.Kvs {
			name, number, ok := strings.Cut(strings.TrimPrefix(string(kv.Key), prefix), separator)
			if !ok || number != fmt.Sprintf("%06d", sizes[name]) {
				return nil, nil, fmt.Errorf("the key %q is not one of viver's, or one before it is missing", kv.Key)
			}
			if documents[name] == nil {
				documents[name] = &bytes.Buffer{}
			}
			documents[name].Write(kv.Value)
			sizes[name]++
			from = string(kv.Key) + "\x00"
		}
		if !r.More {
			return documents, sizes, nil
		}
	}
}

func decode(m meta, documents map[string]*bytes.Buffer, key []byte) (*state.State, error) {
	s := state.New(m.Lineage, key)
	s.Serial = m.Serial
	for name, data := range documents {
		var err error
		address, isInstance := strings.CutPrefix(name, instancePrefix)
		switch {
		case isInstance:
			var i *state.Instance
			if i, err = state.DecodeInstance(data.Bytes(), m.Format); err == nil && i.Addr != address {
				err = fmt.Errorf("it is of %s", i.Addr)
			}
			s.Instances[address] = i
		case name == outputsDocument:
			err = json.Unmarshal(data.Bytes(), &s.Outputs)
		case name == originsDocument:
			err = json.Unmarshal(data.Bytes(), &s.Origins)
		default:
			err = errors.New("no document of viver's has this name")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// encode returns the documents of a state.
func encode(s *state.State) (map[string][]byte, error) {
	documents := map[string][]byte{}
	changes := []state.Change{{Outputs: maps.Clone(s.Outputs)}}
	for _, i := range s.Instances {
		changes = append(changes, state.Change{Put: i})
	}
	if err := encodeChanges(documents, changes); err != nil {
		return nil, err
	}
	var err error
	documents[originsDocument], err = json.Marshal(s.Origins)
	return documents, err
}

// encodeChanges puts the documents that changes make into documents; those that they remove become nil.
func encodeChanges(documents map[string][]byte, changes []state.Change) (err error) {
	for _, c := range changes {
		switch {
		case c.Put != nil:
			documents[instancePrefix+c.Put.Addr], err = json.Marshal(c.Put)
		case c.Forget != "":
			documents[instancePrefix+c.Forget] = nil
		default:
			documents[outputsDocument], err = json.Marshal(c.Outputs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
