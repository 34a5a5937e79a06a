package field

import (
	"sync"

	"viver/nodeimage/spec"
)

// near is how far from where the last read of a row has ended, in bytes, the next may begin: reads that are made at once overtake each other.
const near = 4 * spec.ChunkSize

// ahead recognises reads that follow one another. Several files are read at once, so several rows are remembered. The zero value is
// ready. It is safe for concurrent use.
type ahead struct {
	mu    sync.Mutex
	known [16]row
	next  int // which one is forgotten next
}

// row is reads that follow one another.
type row struct {
	end    int64 // where the furthest read ended; 0: none
	length int   // how many chunks are worth fetching after it
	asked  int   // the chunk up to which that was said
}

// read notes a read of the bytes from begin to end and returns which chunks are worth fetching now: none for a read that stands alone,
// and twice as many each time for one that goes on, up to most. What was returned once is not returned again.
func (a *ahead) read(begin, end int64, most int) (first, last int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.find(begin)
	if r == nil {
		a.known[a.next] = row{end: end}
		a.next = (a.next + 1) % len(a.known)
		return 0, 0, false
	}
	if end <= r.end {
		return 0, 0, false
	}
	r.end = end
	r.length = min(most, max(1, 2*r.length))
	first = max(int((end-1)/spec.ChunkSize)+1, r.asked)
	last = int((end-1)/spec.ChunkSize) + r.length
	if last < first {
		return 0, 0, false
	}
	r.asked = last + 1
	return first, last, true
}

// find returns the row that a read which begins there belongs to, nil if there is none.
func (a *ahead) find(begin int64) *row {
	for i := range a.known {
		if r := &a.known[i]; r.end > 0 && begin > 0 && begin <= r.end+near && begin >= r.end-near {
			return r
		}
	}
	return nil
}
