package store_test

import (
	"bytes"
	"sync"
	"testing"

	"viver/nodeimage/field/store"
	"viver/nodeimage/spec"
)

// chunk returns a chunk full of one byte.
func chunk(t *testing.T, p *store.Pool, b byte, length int) *store.Chunk {
	t.Helper()
	c, err := p.New(length)
	if err != nil {
		t.Fatal(err)
	}
	copy(c.Data(), bytes.Repeat([]byte{b}, length))
	return c
}

func TestChunkLivesAsLongAsItIsRead(t *testing.T) {
	var p store.Pool
	table := store.NewTable(3)
	c := chunk(t, &p, 7, 100)
	table.Put(1, c)
	c.Release()
	reader := table.Get(1)
	if !table.Drop(1) || table.Drop(1) || table.Has(1) || table.Get(1) != nil {
		t.Error("a dropped chunk is still there")
	}
	other := chunk(t, &p, 9, 100)
	if got := reader.Data(); len(got) != 100 || got[99] != 7 {
		t.Errorf("a chunk has changed while it was read: %d bytes, the last %d", len(got), got[99])
	}
	if p.Bytes() != 2*spec.ChunkSize {
		t.Errorf("two chunks take %d bytes", p.Bytes())
	}
	reader.Release()
	other.Release()
	third := chunk(t, &p, 1, 100)
	if p.Bytes() != 2*spec.ChunkSize {
		t.Errorf("released memory is not used again: %d bytes are taken", p.Bytes())
	}
	third.Release()
	if p.Trim(); p.Bytes() != 0 {
		t.Errorf("%d bytes are left", p.Bytes())
	}
}

func TestUsed(t *testing.T) {
	var p store.Pool
	table := store.NewTable(1)
	c := chunk(t, &p, 7, 1)
	table.Put(0, c)
	c.Release()
	if table.Used(0) {
		t.Error("a chunk that nobody has read is used")
	}
	table.Get(0).Release()
	if !table.Used(0) || table.Used(0) {
		t.Error("a chunk that was read once is not used once")
	}
}

func TestTooLong(t *testing.T) {
	var p store.Pool
	if _, err := p.New(spec.ChunkSize + 1); err == nil {
		t.Error("a chunk may have any length")
	}
}

// TestReadersAndEviction has readers and one who changes the table at the same time: each reader sees a whole chunk of one byte.
func TestReadersAndEviction(t *testing.T) {
	var p store.Pool
	const places, rounds = 4, 3000
	table := store.NewTable(places)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				c := table.Get(i % places)
				if c == nil {
					continue
				}
				if d := c.Data(); d[0] != byte(i%places) || d[len(d)-1] != d[0] {
					t.Errorf("place %d has a chunk of %d and %d", i%places, d[0], d[len(d)-1])
				}
				c.Release()
			}
		})
	}
	for i := range rounds {
		place := i % places
		table.Drop(place)
		c := chunk(t, &p, byte(place), 4096)
		table.Put(place, c)
		c.Release()
	}
	close(done)
	readers.Wait()
	for i := range places {
		table.Drop(i)
	}
	if p.Trim(); p.Bytes() != 0 {
		t.Errorf("%d bytes have leaked", p.Bytes())
	}
}
