package supervise

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// maxLine bounds a line of a unit's output, in bytes; the rest of a longer one is dropped.
const maxLine = 4 << 10

// lineWriter passes a unit's output on, each line with the unit's name before it, and remembers the last line: a unit that ends
// by itself says why there.
type lineWriter struct {
	name string
	to   io.Writer
	part []byte
	last string // without trailing spaces; the last one that is not empty
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		w.part = append(w.part, line[:min(len(line), maxLine-len(w.part))]...)
		if whole {
			w.flush()
		}
		rest = after
	}
	return len(p), nil
}

// flush ends the current line.
func (w *lineWriter) flush() {
	line := strings.TrimSpace(strings.ToValidUTF8(string(w.part), "?"))
	w.part = w.part[:0]
	if line == "" {
		return
	}
	w.last = line
	_, _ = io.WriteString(w.to, w.name+": "+line+"\n") // the log is full: the unit goes on all the same
}

// lockedWriter lets several units write whole lines to one place.
type lockedWriter struct {
	mu sync.Mutex // held while w is written to
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
