package block

// streams recognises reads that follow one another. The kernel reads several files at once, so several streams are remembered.
// The zero value is ready. It is not safe for concurrent use.
type streams struct {
	known [16]stream
	next  int // which one is forgotten next
}

// stream is a row of reads, each of which began where the one before ended.
type stream struct {
	end   int64 // where the last read ended; 0: none
	ahead int   // how many chunks were worth fetching then
}

// read notes a read of the bytes from begin to end and returns how many chunks are worth fetching after it: none for a read that
// stands alone, and twice as many each time for one that goes on, up to most.
func (s *streams) read(begin, end int64, most int) int {
	for i := range s.known {
		if k := &s.known[i]; begin > 0 && k.end == begin {
			k.end, k.ahead = end, max(0, min(most, max(1, 2*k.ahead)))
			return k.ahead
		}
	}
	s.known[s.next] = stream{end: end}
	s.next = (s.next + 1) % len(s.known)
	return 0
}
