package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"viver/testing/links/crowd"
)

// Bounds of a trace. The image that it is of lies in RAM, as often as there are nodes in the worst case.
const (
	maxReads     = 1 << 16
	maxRead      = 32 << 20
	maxTraceEnd  = 4 << 30
	sector       = 512
	maxTraceLine = 200
)

// trace is what a machine reads of its root while it boots, in its order. The file has a line "offset length" for each read, in bytes; lines
// that begin with # are comments.
type trace []crowd.Span

// size is that of the smallest image with all that is read.
func (t trace) size() (end int64) {
	for _, s := range t {
		end = max(end, s.Offset+s.Length)
	}
	return end
}

// bytes is how much is read.
func (t trace) bytes() (sum int64) {
	for _, s := range t {
		sum += s.Length
	}
	return sum
}

func loadTrace(path string) (trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("boot trace: %w: say with -trace where it is", err)
	}
	defer f.Close()
	t, err := readTrace(f)
	if err != nil {
		return nil, fmt.Errorf("boot trace %s: %w", path, err)
	}
	return t, nil
}

func readTrace(r io.Reader) (t trace, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTraceLine)
	for n := 1; lines.Scan(); n++ {
		if text := lines.Text(); text != "" && text[0] != '#' {
			s, err := readSpan(text)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			t = append(t, s)
		}
		if len(t) > maxReads {
			return nil, fmt.Errorf("line %d: more than %d reads", n, maxReads)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(t) == 0 {
		return nil, fmt.Errorf("there is no read in it")
	}
	return t, nil
}

func readSpan(text string) (s crowd.Span, err error) {
	var rest string
	if n, _ := fmt.Sscanf(text, "%d %d %s", &s.Offset, &s.Length, &rest); n != 2 {
		return s, fmt.Errorf("%q: want an offset and a length", text)
	}
	if s.Offset < 0 || s.Length < sector || s.Length > maxRead || s.Offset%sector != 0 || s.Length%sector != 0 || s.Offset > maxTraceEnd-s.Length {
		return s, fmt.Errorf("%q: want whole sectors of %d bytes, %d bytes at most, within the first %d of the image", text, sector, maxRead, int64(maxTraceEnd))
	}
	return s, nil
}

// write writes the trace so that readTrace reads the same.
func (t trace) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, s := range t {
		fmt.Fprintf(b, "%d %d\n", s.Offset, s.Length)
	}
	return b.Flush()
}
