package crowd

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"viver/nodeimage/spec"
)

// recorder is a device that notes what is read of it, and fails at one offset.
type recorder struct {
	mu    sync.Mutex
	seen  []Span
	fails int64
}

var errBroken = errors.New("broken")

func (r *recorder) Size() int64 { return 1 << 30 }

func (r *recorder) ReadAt(_ context.Context, p []byte, off int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, Span{off, int64(len(p))})
	if off == r.fails {
		return errBroken
	}
	return nil
}

func TestReadSpansKeepsTheOrder(t *testing.T) {
	r, spans := &recorder{fails: -1}, []Span{{8192, 4096}, {0, 512}, {1 << 20, 1 << 18}}
	tally, err := readSpans(t.Context(), r, spans, 1)
	if err != nil || tally.Reads != 3 || tally.Bytes != 4096+512+1<<18 || !slices.Equal(r.seen, spans) {
		t.Errorf("%+v of %v: %v", tally, r.seen, err)
	}
}

func TestReadSpansAtOnce(t *testing.T) {
	r, spans := &recorder{fails: -1}, chunks(100*spec.ChunkSize+4096)
	if _, err := readSpans(t.Context(), r, spans, 8); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(r.seen, func(a, b Span) int { return int(a.Offset - b.Offset) })
	if !slices.Equal(r.seen, spans) {
		t.Errorf("%v was read", r.seen)
	}
}

func TestReadSpansEndsWithAnError(t *testing.T) {
	r := &recorder{fails: 3 * spec.ChunkSize}
	if _, err := readSpans(t.Context(), r, chunks(1<<28), 2); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v", err)
	}
}

func TestChunks(t *testing.T) {
	want := []Span{{0, spec.ChunkSize}, {spec.ChunkSize, 4096}}
	if got := chunks(spec.ChunkSize + 4096); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
