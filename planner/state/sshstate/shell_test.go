package sshstate

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"viver/planner/state"
	"viver/planner/state/statetest"
)

// shell is a Host that is this machine, with one of the shells that the script has to work in. Its PATH holds only what that system has.
type shell struct {
	t    *testing.T
	sh   []string
	path string
}

func (s shell) Run(ctx context.Context, command string, in io.Reader, out, errs io.Writer) error {
	cmd := exec.CommandContext(ctx, s.sh[0], append(s.sh[1:], "-c", command)...)
	cmd.Env = []string{"PATH=" + s.path, "HOME=" + os.Getenv("HOME")}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(stdin, in)
		_ = stdin.Close()
	}()
	return cmd.Wait()
}

// shells are those of Debian and of busybox, the latter with nothing but busybox around it.
func shells(t *testing.T) map[string]shell {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no busybox: apt-get install busybox-static")
	}
	tools := t.TempDir()
	for _, name := range strings.Fields("sh dd wc head mv sync ls tr cat sleep kill mkdir rm printf") {
		if err := os.Symlink(busybox, filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	// Alpine's busybox has a flock of its own; Debian's has none.
	flock, err := exec.LookPath("flock")
	if exec.Command(busybox, "flock", "--help").Run() == nil {
		flock, err = busybox, nil
	}
	if err == nil {
		err = os.Symlink(flock, filepath.Join(tools, "flock"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return map[string]shell{
		"debian":  {t, []string{"/bin/sh"}, "/usr/bin:/bin"},
		"busybox": {t, []string{busybox, "sh"}, tools},
	}
}

func TestFolderIsABackendInEveryShell(t *testing.T) {
	for name, host := range shells(t) {
		t.Run(name, func(t *testing.T) {
			statetest.Run(t, func(t *testing.T) statetest.Site {
				path := filepath.Join(t.TempDir(), "a b'c", "state")
				return statetest.Site{
					Backend:   func() state.Backend { return state.NewBackend(&Folder{Host: host, Path: path, Name: "ssh://test"}) },
					Bytes:     func(t *testing.T) []byte { return statetest.FolderBytes(t, path) },
					Stealable: true,
				}
			})
		})
	}
}

// TestDeletedLockIsFenced: who deletes the lock file lets a second writer in; the first one then writes nothing any more.
func TestDeletedLockIsFenced(t *testing.T) {
	for name, host := range shells(t) {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			b := state.NewBackend(&Folder{Host: host, Path: path, Name: "ssh://test"})
			first, err := b.Open(t.Context(), "viver apply")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(path, "lock")); err != nil {
				t.Fatal(err)
			}
			second, err := b.Open(t.Context(), "viver apply")
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Append(state.Change{Put: statetest.Instance(1, "pc")}); err == nil || !strings.Contains(err.Error(), "somebody else has taken the state over") {
				t.Errorf("the first writer: %v", err)
			}
			_ = first.Close()
			if err := second.Append(state.Change{Put: statetest.Instance(2, "pc")}); err != nil {
				t.Error(err)
			}
			if err := second.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSilentWriterLosesTheLease: a writer from whom nothing comes, though his session stands, locks others out for two leases at most.
func TestSilentWriterLosesTheLease(t *testing.T) {
	for name, host := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := &Folder{Host: host, Path: t.TempDir(), Name: "ssh://test", Lease: 3 * time.Second}
			d, err := folder.Lock(t.Context(), "viver apply")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second) // its signs of life keep it
			if err := d.Replace("state.json", []byte("{}")); err != nil {
				t.Fatalf("a writer that had nothing to write lost the lease: %v", err)
			}
			silent := d.(*disk)
			silent.end()
			silent.all.Wait()
			silent.life = t.Context()
			<-silent.session.ended
			other, err := folder.Lock(t.Context(), "viver apply")
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Replace("state.json", []byte("[]")); err == nil || !strings.Contains(err.Error(), "somebody else has had the lock") {
				t.Errorf("a silent writer still writes: %v", err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                "unexpected EOF",
		"hello\n":                         "unexpected EOF",
		strings.Repeat("hello\n", 2000):   "says too much",
		strings.Repeat("x", 1<<20):        "no line",
		"hi\nviver-state no such thing\n": "such thing",
		"viver-state what\n":              "another version",
		"viver-state ready\n":             "another version",
		"viver-state ready 1\n":           "unexpected EOF",
		"viver-state ready 1\ndata 99999999999\n":                       "size of",
		"viver-state ready 1\ndata -1\n":                                "size of",
		"viver-state ready 1\ndata 10\nabc":                             "after 3 of 10 bytes",
		"viver-state ready 1\nwhat\n":                                   "the answer is",
		"viver-state ready 1\nviver-state no No space left on device\n": "is full",
	} {
		b := state.NewBackend(&Folder{Host: canned(answer), Path: "x", Name: "ssh://test"})
		if _, err := b.Open(t.Context(), "viver apply"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", answer, err, want)
		}
	}
}

// canned is a Host that always says the same.
type canned string

func (c canned) Run(_ context.Context, _ string, in io.Reader, out, _ io.Writer) error {
	_, _ = io.WriteString(out, string(c))
	return nil
}

// TestHostWithoutFlock: it says what is missing, and not that somebody has the lock.
func TestHostWithoutFlock(t *testing.T) {
	host := shells(t)["busybox"]
	if err := os.Remove(filepath.Join(host.path, "flock")); err != nil {
		t.Fatal(err)
	}
	b := state.NewBackend(&Folder{Host: host, Path: t.TempDir(), Name: "ssh://test"})
	if _, err := b.Open(t.Context(), "viver apply"); err == nil || !strings.Contains(err.Error(), "install util-linux") {
		t.Errorf("got %v", err)
	}
}

func TestCommandCanBeQuoted(t *testing.T) {
	if strings.Contains(script, "'") {
		t.Error("the script has a single quote")
	}
}

// FuzzAnswers: whatever the other side says, reading and opening end, with a state or an error.
func FuzzAnswers(f *testing.F) {
	f.Add("viver-state ready 1\nnone\nnone\nnone\nok\ndata 3\nabc")
	f.Add("viver-state locked {\"pid\":1}\n")
	f.Add("viver-state ready 1\ndata 20\n{\"format\":2,\"line\":1}")
	f.Fuzz(func(t *testing.T, answer string) {
		b := state.NewBackend(&Folder{Host: canned(answer), Path: "x", Name: "ssh://test"})
		if s, err := b.Read(t.Context()); err == nil && s == nil {
			t.Error("neither a state nor an error")
		}
		if w, err := b.Open(t.Context(), "viver apply"); err == nil {
			_ = w.Close()
		}
	})
}
