package sshstate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"viver/planner/state"
	"viver/planner/state/statetest"
)

// wire is a Host whose connections break: at a request for which cut says so, before it goes through or before its answer comes back.
type wire struct {
	Host

	mu  sync.Mutex
	cut func(request string) (before, after bool) // guarded by mu; nil: none
}

var errCut = errors.New("connection reset by peer")

func (w *wire) Run(ctx context.Context, command string, in io.Reader, out, errs io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inside, toInside := io.Pipe()
	answers := &answers{out: out}
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := in.Read(buffer)
			before, after := w.at(string(buffer[:n]))
			if before {
				cancel()
			}
			if after {
				answers.lose()
			}
			if _, broken := toInside.Write(buffer[:n]); broken != nil || err != nil {
				toInside.CloseWithError(err)
				return
			}
		}
	}()
	err := w.Host.Run(ctx, command, inside, answers, errs)
	inside.CloseWithError(errCut)
	if answers.isLost() {
		return errCut
	}
	return err
}

func (w *wire) at(text string) (before, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut == nil || text == "" {
		return false, false
	}
	if before, after = w.cut(text); before || after {
		w.cut = nil
	}
	return before, after
}

func (w *wire) breakAt(cut func(string) (before, after bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// answers are what comes back, until they get lost.
type answers struct {
	out io.Writer

	mu   sync.Mutex
	lost bool // guarded by mu
}

func (a *answers) Write(p []byte) (int, error) {
	if a.isLost() {
		return 0, errCut
	}
	return a.out.Write(p)
}

func (a *answers) lose() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = true
}

func (a *answers) isLost() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lost
}

func request(verb string) func(string) bool {
	return func(text string) bool { return strings.HasPrefix(text, verb+" ") }
}

// TestBrokenConnectionIsMadeAgain: whenever the connection breaks, what is appended is there once, and nothing else is.
func TestBrokenConnectionIsMadeAgain(t *testing.T) {
	host := shells(t)["debian"]
	extends := request("extend")
	for name, cut := range map[string]func(string) (bool, bool){
		"before the request": func(text string) (bool, bool) { return extends(text), false },
		"before its answer":  func(text string) (bool, bool) { return false, extends(text) },
		"in its data":        func(text string) (bool, bool) { return strings.Contains(text, "node.pc[1]"), false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{Host: host}
			b := state.NewBackend(&Folder{Host: w, Path: t.TempDir(), Name: "ssh://test", Lease: 20 * time.Second})
			writer, err := b.Open(t.Context(), "viver apply")
			if err != nil {
				t.Fatal(err)
			}
			w.breakAt(cut)
			for n := range 3 {
				if err := writer.Append(state.Change{Put: statetest.Instance(n, "pc")}); err != nil {
					t.Fatal(err)
				}
			}
			want := writer.State()
			if err := writer.Close(); err != nil {
				t.Error(err)
			}
			got, err := b.Read(t.Context())
			if err != nil || len(got.Instances) != 3 || got.Serial != want.Serial {
				t.Errorf("%v: %d instances, serial %d not %d", err, len(got.Instances), got.Serial, want.Serial)
			}
		})
	}
}

// TestHalfWrittenIsTakenAway: a machine may have died in the middle of adding to a file.
func TestHalfWrittenIsTakenAway(t *testing.T) {
	host := shells(t)["debian"]
	path := t.TempDir()
	for added, want := range map[string]string{"": "oldnew", "n": "oldnew", "ne": "oldnew", "new": "oldnew", "x": "", "newer": ""} {
		if err := os.WriteFile(filepath.Join(path, "journal"), []byte("old"+added), 0o600); err != nil {
			t.Fatal(err)
		}
		w := &wire{Host: host}
		d, err := (&Folder{Host: w, Path: path, Name: "ssh://test"}).Lock(t.Context(), "viver apply")
		if err != nil {
			t.Fatal(err)
		}
		w.breakAt(func(text string) (bool, bool) { return strings.HasPrefix(text, "extend "), false })
		err = d.Extend("journal", 3, []byte("new"))
		got, readErr := os.ReadFile(filepath.Join(path, "journal"))
		if readErr != nil || (err == nil) != (want != "") || want != "" && string(got) != want || want == "" && string(got) != "old"+added {
			t.Errorf("%q was added: %v, %v, and there is %q", added, err, readErr, got)
		}
		_ = d.Close()
	}
}

// TestNobodyIsOverwritten: who comes back after somebody else has had the lock writes nothing, also when that one has gone again.
func TestNobodyIsOverwritten(t *testing.T) {
	host := shells(t)["debian"]
	w := &wire{Host: host}
	folder := &Folder{Host: w, Path: t.TempDir(), Name: "ssh://test", Lease: 20 * time.Second}
	first, err := folder.Lock(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	seen, err := folder.Holder(t.Context())
	if err != nil || seen == nil {
		t.Fatal(seen, err)
	}
	if err := folder.Unlock(t.Context(), *seen); err != nil {
		t.Fatal(err)
	}
	if err := first.Replace("state.json", []byte("first")); err == nil || !strings.Contains(err.Error(), "somebody else has had the lock in between") {
		t.Errorf("after force-unlock: %v", err)
	}
	_ = first.Close()
	if data, err := os.ReadFile(filepath.Join(folder.Path, "state.json")); err == nil || bytes.Contains(data, []byte("first")) {
		t.Errorf("%q %v", data, err)
	}
}

// TestWatchdogEndsWithTheSession: no process is left on the other side.
func TestWatchdogEndsWithTheSession(t *testing.T) {
	for name, host := range shells(t) {
		path := t.TempDir()
		d, err := (&Folder{Host: host, Path: path, Name: "ssh://test", Lease: 4321 * time.Second}).Lock(t.Context(), "viver apply")
		if err != nil {
			t.Fatal(err)
		}
		until(t, name+": there is no watchdog", func() bool { return sleeps(t) })
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		until(t, name+": the watchdog's sleep is still there", func() bool { return !sleeps(t) })
	}
}

// until waits for processes to come or go: that is the kernel's time, not ours.
func until(t *testing.T, problem string, so func() bool) {
	t.Helper()
	for range 500 {
		if so() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal(problem)
}

// sleeps looks for a process that sleeps for 4321 seconds.
func sleeps(t *testing.T) bool {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte("sleep\x004321\x00")) {
			return true
		}
	}
	return false
}
