package door_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

// fake is a member that notes what it is told, and answers err.
type fake struct {
	told  []string
	err   error
	waits chan struct{} // closed when Leave waits; nil: it does not wait
	gone  chan error    // what ended waiting
}

func (f *fake) note(format string, args ...any) error {
	f.told = append(f.told, fmt.Sprintf(format, args...))
	return f.err
}

var status = field.Status{
	Self: field.Member{ID: "pc01/1", Name: "pc01", Share: 7, Complete: 1 << 63}, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	Memory: field.Memory{ShareLimit: 1, Flying: 2},
	Images: []field.ImageStatus{{ID: "sha256:1", Chunks: 3, Replicas: []int{0, 1, 2}, Coverage: []field.Coverage{{Part: 0.5}}}},
	Members: []field.MemberStatus{
		{Member: field.Member{Name: "pc02", Leaving: true}, Connected: true, Preferred: 2, Chunk: time.Second, LastError: "no"},
	},
	Reads:        field.Reads{Chunks: 1, P99: time.Minute},
	LeaveRefused: "why",
}

func (f *fake) Status() (field.Status, error) { return status, f.note("status") }

func (f *fake) Map(image spec.Digest) ([]field.Range, error) {
	return []field.Range{{Offset: 1, Length: 2, State: "share", From: "pc02"}}, f.note("map %s", image)
}

func (f *fake) Drain(name string, on bool) error         { return f.note("drain %s %v", name, on) }
func (f *fake) Prefer(name string, factor float64) error { return f.note("prefer %s %v", name, factor) }
func (f *fake) Pin(pins []spec.Pin) error                { return f.note("pin %v", pins) }

func (f *fake) Hold(manifest []byte) error   { return f.note("hold %s", manifest) }
func (f *fake) Drop(image spec.Digest) error { return f.note("drop %s", image) }

func (f *fake) Leave(ctx context.Context, force bool) error {
	if f.waits != nil {
		close(f.waits)
		<-ctx.Done()
		f.gone <- ctx.Err()
	}
	return f.note("leave %v", force)
}

// socket is a path that is short enough for one.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "door")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "field.sock")
}

// serve serves a member, and returns what asks it and what ends that.
func serve(t *testing.T, path string, m door.Member) (c door.Client, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	wait, err := door.Start(ctx, path, m)
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		cancel()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return door.Client{Path: path}, end
}

func TestEverythingGoesThrough(t *testing.T) {
	m := new(fake)
	path := socket(t)
	c, _ := serve(t, path, m)
	s, err := c.Status()
	if diff := cmp.Diff(status, s); diff != "" || err != nil {
		t.Error(diff, err)
	}
	ranges, err := c.Map("sha256:a&b")
	if diff := cmp.Diff([]field.Range{{Offset: 1, Length: 2, State: "share", From: "pc02"}}, ranges); diff != "" || err != nil {
		t.Error(diff, err)
	}
	pins := []spec.Pin{{Image: "sha256:1", Length: 3, Members: []string{"pc02"}}}
	err = errors.Join(c.Drain("pc02", true), c.Prefer("pc02", 1.5), c.Pin(pins), c.Hold([]byte("{ <> }\n")), c.Drop("sha256:1"), c.Leave(t.Context(), true))
	if err != nil {
		t.Error(err)
	}
	want := []string{"status", "map sha256:a&b", "drain pc02 true", "prefer pc02 1.5", "pin [{sha256:1 0 3 [pc02]}]", "hold { <> }\n", "drop sha256:1", "leave true"}
	if diff := cmp.Diff(want, m.told); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	m := new(fake)
	c, end := serve(t, socket(t), m)
	for _, kind := range []error{field.ErrLast, errors.New("no member is called \"pc09\"")} {
		m.err = fmt.Errorf("field: leave: %w", kind)
		if err := c.Leave(t.Context(), false); err == nil || err.Error() != m.err.Error() || errors.Is(err, field.ErrLast) != (kind == field.ErrLast) {
			t.Errorf("%v", err)
		}
	}
	m.err = field.ErrClosed
	if _, err := c.Status(); !errors.Is(err, door.ErrNoMember) {
		t.Errorf("a member that has ended: %v", err)
	}
	m.err = nil
	if err := c.Pin([]spec.Pin{{Members: []string{strings.Repeat("x", 1<<20)}}}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a long request: %v", err)
	}
	if err := c.Hold(make([]byte, spec.MaxManifest+1)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a long manifest: %v", err)
	}
	end()
	if _, err := c.Status(); !errors.Is(err, door.ErrNoMember) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestTheSocketOfADeadProcessIsReplaced(t *testing.T) {
	path := socket(t)
	for _, name := range []string{path, path + ".new"} {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	c := door.Client{Path: path}
	if _, err := c.Status(); !errors.Is(err, door.ErrNoMember) {
		t.Errorf("a dead socket: %v", err)
	}
	c, end := serve(t, path, new(fake))
	if _, err := c.Status(); err != nil {
		t.Error(err)
	}
	end()
	if err := door.Serve(t.Context(), filepath.Join(path, "x"), new(fake), nil); err == nil {
		t.Error("a socket was made where there is no folder")
	}
}

// TestServe has the socket go with the one who serves, also where he is told to end before he has begun.
func TestServe(t *testing.T) {
	path := socket(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := door.Serve(ctx, path, new(fake), nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestWhoGoesAwayTakesLeaveBack has the member told when nobody waits for it to leave any more.
func TestWhoGoesAwayTakesLeaveBack(t *testing.T) {
	for name, who := range map[string]string{"the one who asks": "client", "the process": "server"} {
		t.Run(name, func(t *testing.T) {
			m := &fake{waits: make(chan struct{}), gone: make(chan error, 1)}
			c, end := serve(t, socket(t), m)
			ctx, cancel := context.WithCancel(t.Context())
			answer := make(chan error, 1)
			go func() { answer <- c.Leave(ctx, false) }()
			<-m.waits
			if who == "client" {
				cancel()
				if err := <-answer; !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
			} else {
				end()
			}
			if err := <-m.gone; err == nil {
				t.Error("the member was not told")
			}
			cancel()
		})
	}
}

func FuzzRequests(f *testing.F) {
	for _, path := range []string{"/drain", "/prefer", "/pin", "/hold", "/drop", "/leave", "/map?image=x", "/status", "/.."} {
		f.Add(path, []byte(`{"name":"pc01","on":true}`))
		f.Add(path, []byte(`[{"image":"x"}]`))
	}
	handler := door.Handler(new(fake))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		for _, method := range []string{"GET", "POST"} {
			var in bytes.Buffer
			fmt.Fprintf(&in, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
			door.TryRequest(t, handler, &in)
		}
	})
}
