package block_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"viver/nodeimage/block"
	"viver/nodeimage/spec"
)

const chunk = spec.ChunkSize

// image returns n full chunks and one of 4096 bytes, and what a manifest says of them.
func image(n int) ([]byte, spec.Root) {
	data := make([]byte, n*chunk+4096)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	root := spec.Root{Size: int64(len(data))}
	for rest := data; len(rest) > 0; rest = rest[min(chunk, len(rest)):] {
		root.Chunks = append(root.Chunks, spec.DigestOf(rest[:min(chunk, len(rest))]))
	}
	return data, root
}

// store is a Fetcher that counts. While gate is not nil, a fetch waits for it.
type store struct {
	data []byte
	gate chan struct{}

	mu      sync.Mutex
	fetched map[int64]int // by chunk
	err     error
}

func (s *store) Size() int64 { return int64(len(s.data)) }

func (s *store) Fetch(ctx context.Context, p []byte, off int64, check func([]byte) error) error {
	s.mu.Lock()
	s.fetched[off/chunk]++
	err := s.err
	s.mu.Unlock()
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	copy(p, s.data[off:])
	return check(p)
}

func (s *store) times(index int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetched[index]
}

func verified(t *testing.T, chunks int, options block.Options) (*block.Verified, *store) {
	t.Helper()
	data, root := image(chunks)
	s := &store{data: data, fetched: make(map[int64]int)}
	v, err := block.NewVerified(s, root, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v, s
}

func read(t *testing.T, v *block.Verified, s *store, off, n int) {
	t.Helper()
	p := make([]byte, n)
	if err := v.ReadAt(t.Context(), p, int64(off)); err != nil || !bytes.Equal(p, s.data[off:off+n]) {
		t.Errorf("%d bytes at %d: %v", n, off, err)
	}
}

func TestReadsAreRight(t *testing.T) {
	v, s := verified(t, 8, block.Options{CacheBytes: 3 * chunk})
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			where := rand.New(rand.NewPCG(0, uint64(i)))
			for range 100 {
				off := where.IntN(len(s.data))
				read(t, v, s, off, min(where.IntN(3*chunk), len(s.data)-off))
			}
		})
	}
	readers.Wait()
	read(t, v, s, 0, len(s.data))
	read(t, v, s, len(s.data), 0)
	if err := v.ReadAt(t.Context(), make([]byte, 2), int64(len(s.data))-1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := verified(t, 2, block.Options{})
		s.gate = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- v.ReadAt(ctx, make([]byte, 10), 5) }()
		synctest.Wait()
		var readers sync.WaitGroup
		for range 10 {
			readers.Go(func() { read(t, v, s, 100, 4096) })
		}
		synctest.Wait()
		cancel() // who asked first does not take the chunk along
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		close(s.gate)
		readers.Wait()
		if n := s.times(0); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	})
}

func TestLeastRecentlyUsedGoes(t *testing.T) {
	v, s := verified(t, 4, block.Options{CacheBytes: 2 * chunk, ReadAhead: -1})
	for _, i := range []int{0, 1, 0, 2, 0, 1} { // 2 pushes out 1, then 1 pushes out 2
		read(t, v, s, i*chunk, 100)
	}
	for i, want := range []int{1, 2, 1, 0} {
		if n := s.times(int64(i)); n != want {
			t.Errorf("chunk %d was fetched %d times, want %d", i, n, want)
		}
	}
}

func TestReadNowDoesNotFetch(t *testing.T) {
	v, s := verified(t, 4, block.Options{ReadAhead: -1})
	now := func(off, n int) bool {
		p := make([]byte, n)
		ok := v.ReadNow(p, int64(off))
		if ok && !bytes.Equal(p, s.data[off:off+n]) {
			t.Errorf("wrong bytes at %d", off)
		}
		return ok
	}
	if now(10, 100) || s.times(0) != 0 {
		t.Error("read what had not come")
	}
	read(t, v, s, 0, 2*chunk)
	if !now(10, 100) || !now(chunk-50, 100) {
		t.Error("did not read what was there")
	}
	if now(2*chunk-50, 100) || now(len(s.data)-1, 2) || now(-1, 2) || s.times(2) != 0 {
		t.Error("read what was not all there")
	}
	v.Close()
	if now(10, 100) {
		t.Error("read after Close")
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	v, s := verified(t, 1, block.Options{})
	s.err = errors.New("no server")
	if err := v.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, s.err) {
		t.Errorf("got %v", err)
	}
	s.err = nil
	read(t, v, s, 0, 1)
}

func TestWrongChunkIsRefused(t *testing.T) {
	v, s := verified(t, 2, block.Options{})
	s.data = bytes.Clone(s.data)
	s.data[chunk] ^= 1
	read(t, v, s, 0, chunk)
	if err := v.ReadAt(t.Context(), make([]byte, 1), chunk+100); err == nil || !strings.Contains(err.Error(), "chunk 1: it has the digest") {
		t.Errorf("got %v", err)
	}
	_, root := image(2)
	unchecked, err := block.NewVerified(careless{s}, root, block.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer unchecked.Close()
	if err := unchecked.ReadAt(t.Context(), make([]byte, 1), 0); err == nil {
		t.Error("bytes that were never checked were believed")
	}
}

// careless is a Fetcher that does not call check.
type careless struct{ *store }

func (c careless) Fetch(context.Context, []byte, int64, func([]byte) error) error { return nil }

func TestReadAheadGrowsWithStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := verified(t, 20, block.Options{})
		for i, want := range []int{1, 3, 5, 8, 9} { // each read is of one chunk; with it come the next 0, 1, 2, 4, 4
			read(t, v, s, i*chunk, chunk)
			synctest.Wait()
			fetched := 0
			for c := range int64(21) {
				fetched += s.times(c)
			}
			if fetched != want {
				t.Errorf("after read %d: %d chunks were fetched, want %d", i, fetched, want)
			}
		}
	})
}

func TestRandomReadsAreNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := verified(t, 20, block.Options{})
		for _, i := range []int{3, 9, 6, 1} {
			read(t, v, s, i*chunk+512, 4096)
		}
		synctest.Wait()
		for i := range int64(21) {
			want := 0
			if i == 3 || i == 9 || i == 6 || i == 1 {
				want = 1
			}
			if n := s.times(i); n != want {
				t.Errorf("chunk %d was fetched %d times", i, n)
			}
		}
	})
}

func TestCloseEndsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, s := verified(t, 2, block.Options{})
		s.gate = make(chan struct{})
		done := make(chan error)
		go func() { done <- v.ReadAt(t.Context(), make([]byte, 10), 0) }()
		synctest.Wait()
		v.Close()
		if err := <-done; !errors.Is(err, block.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := v.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, block.ErrClosed) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestSourceTooSmall(t *testing.T) {
	_, root := image(2)
	if _, err := block.NewVerified(&store{data: make([]byte, 10)}, root, block.Options{}); err == nil {
		t.Error("a source that is too small was taken")
	}
}
