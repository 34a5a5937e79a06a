package sshstate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"viver/planner/state"
)

// far is a Host in memory, to which all ways can be cut.
type far struct {
	mu     sync.Mutex
	files  map[string][]byte // guarded by mu
	holder string            // guarded by mu; empty: nobody has the lock
	fence  int               // guarded by mu
	away   chan struct{}     // guarded by mu; closed: nobody gets there
	deaf   bool              // guarded by mu; who is away is not refused but waits
	tries  int               // guarded by mu; sessions that were asked for while it was away
}

var errNoRoute = errors.New("no route to host")

func newFar() *far { return &far{files: map[string][]byte{}, away: make(chan struct{})} }

// leave cuts all ways: what is sent gets lost, and new connections are refused or, with deaf, never made.
func (f *far) leave(deaf bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = deaf
	close(f.away)
}

// back mends them; the lock has gone with the session.
func (f *far) back() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away, f.holder = make(chan struct{}), ""
}

func (f *far) Run(ctx context.Context, command string, in io.Reader, out, _ io.Writer) error {
	words := strings.Split(command[strings.LastIndex(command, "' viver-state '"):], "'")
	mode, holder := words[2], words[8]
	f.mu.Lock()
	away, deaf := f.away, f.deaf
	f.mu.Unlock()
	select {
	case <-away:
		return f.unreached(ctx, deaf)
	default:
	}
	ended := make(chan error, 1)
	go func() { ended <- f.session(mode, holder, in, out) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-away:
		if deaf = f.isDeaf(); !deaf {
			return errNoRoute
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

func (f *far) isDeaf() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deaf
}

func (f *far) unreached(ctx context.Context, deaf bool) error {
	f.mu.Lock()
	f.tries++
	f.mu.Unlock()
	if !deaf {
		return errNoRoute
	}
	<-ctx.Done()
	return ctx.Err()
}

// tried is how many sessions were asked for in vain.
func (f *far) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries
}

// session is what the script does, in few words.
func (f *far) session(mode, holder string, in io.Reader, out io.Writer) error {
	f.mu.Lock()
	if mode == "write" {
		f.holder, f.fence = holder, f.fence+1
	}
	fmt.Fprintf(out, "viver-state ready %d\n", f.fence)
	f.mu.Unlock()
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil
		}
		var verb, name string
		var first, second int
		fmt.Sscan(line, &verb, &name, &first, &second)
		size := first
		if verb == "extend" {
			size = second
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(lines, data); err != nil {
			return err
		}
		fmt.Fprint(out, f.answer(verb, name, data))
	}
}

func (f *far) answer(verb, name string, data []byte) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.away:
		return "" // too late: it got lost
	default:
	}
	switch verb {
	case "list":
		var names []string
		for name := range f.files {
			names = append(names, name)
		}
		text := strings.Join(names, "\n") + "\n"
		return fmt.Sprintf("data %d\n%s", len(text), text)
	case "read":
		if f.files[name] == nil {
			return "none\n"
		}
		return fmt.Sprintf("data %d\n%s", len(f.files[name]), f.files[name])
	case "replace":
		f.files[name] = data
	case "extend":
		f.files[name] = append(f.files[name], data...)
	case "remove":
		delete(f.files, name)
	}
	return "ok\n"
}

// open opens the state on f to be changed.
func (f *far) open(ctx context.Context) (state.Writer, error) {
	return state.NewBackend(&Folder{Host: f, Path: "x", Name: "ssh://far"}).Open(ctx, "viver apply")
}
