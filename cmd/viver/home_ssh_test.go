package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"viver/planner/state"
	"viver/planner/state/sshstate"
	"viver/planner/state/statetest"
)

func (s *sshd) block(port int, path string) string {
	return fmt.Sprintf("state \"ssh\" {\nhost = \"127.0.0.1\"\nport = %d\nuser = \"root\"\nidentity_file = %q\nhost_key = %q\npath = %q\n}",
		port, s.identityFile, s.hostKey, path)
}

// TestStateOverSSH runs the suite of all backends against a real sshd.
func TestStateOverSSH(t *testing.T) {
	server := startSSHD(t)
	statetest.Run(t, func(t *testing.T) statetest.Site {
		path := filepath.Join(t.TempDir(), "state of 'lab'")
		p := operator(t, server.block(server.port, path))
		return statetest.Site{
			Backend:   func() state.Backend { return homeOf(t, p) },
			Bytes:     func(t *testing.T) []byte { return statetest.FolderBytes(t, path) },
			Stealable: true,
		}
	})
}

func TestStateOverSSHChecksTheHost(t *testing.T) {
	server := startSSHD(t)
	other := *server
	other.hostKey = writeKey(t, filepath.Join(t.TempDir(), "other"))
	if _, err := homeOf(t, operator(t, other.block(server.port, "/nowhere"))).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "another host key") {
		t.Errorf("another host key: %v", err)
	}
	stranger := *server
	stranger.identityFile = filepath.Join(t.TempDir(), "stranger")
	writeKey(t, stranger.identityFile)
	if _, err := homeOf(t, operator(t, stranger.block(server.port, "/nowhere"))).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "does not let root in") {
		t.Errorf("another client key: %v", err)
	}
	if _, err := homeOf(t, operator(t, server.block(1, "/nowhere"))).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("no server: %v", err)
	}
}

// TestOperatorsShareTheAuthority: the second operator gets what the first one made, and one with another cluster's is turned away.
func TestOperatorsShareTheAuthority(t *testing.T) {
	server := startSSHD(t)
	block := server.block(server.port, filepath.Join(t.TempDir(), "state"))
	first, second, stranger := operator(t, block), operator(t, block), operator(t, server.block(server.port, filepath.Join(t.TempDir(), "another")))
	nothing := func(state.Writer) error { return nil }
	for _, p := range []*project{first, stranger} {
		if err := p.withState(t.Context(), "viver apply", nothing); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := second.remembered(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := func(p *project) []byte {
		data, err := os.ReadFile(filepath.Join(authorityDir(p.stateDir), "ca.key"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(key(first), key(second)) || bytes.Equal(key(first), key(stranger)) {
		t.Error("the operators have not the same authority, or strangers have it too")
	}
	moved := operator(t, block)
	if err := os.CopyFS(moved.stateDir, os.DirFS(stranger.stateDir)); err != nil {
		t.Fatal(err)
	}
	if err := moved.withState(t.Context(), "viver apply", nothing); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("an operator of another cluster: %v", err)
	}
}

// TestCutConnection cuts the connection in the middle of an append, at different bytes. Where it can be taken up again nothing is lost, and
// the operator hears nothing of it. Where it cannot, the change is there whole or not at all, and the lock is free again.
func TestCutConnection(t *testing.T) {
	server := startSSHD(t)
	wire := newWire(t, server.port)
	path := filepath.Join(t.TempDir(), "state")
	p := operator(t, server.block(wire.port, path))
	for _, after := range []int64{1, 100, 40_000, 200_000, 299_000} {
		cutOnce(t, p, path, wire, after, after == 40_000)
	}
}

// cutOnce makes three changes, and cuts the wire in the second.
func cutOnce(t *testing.T, p *project, path string, wire *wire, after int64, stays bool) {
	t.Helper()
	w, err := hurried(t, p).Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatalf("after a cut: %v", err)
	}
	before := len(w.State().Instances)
	if err := w.Append(state.Change{Put: statetest.Instance(before, "pc")}); err != nil {
		t.Fatal(err)
	}
	wire.cutAfter(after, stays)
	for i, name := range []string{strings.Repeat("long ", 60_000), "pc"} {
		if err := w.Append(state.Change{Put: statetest.Instance(before+1+i, name)}); (err != nil) != stays {
			t.Errorf("cut after %d bytes for good %t: change %d: %v", after, stays, i+1, err)
		}
	}
	_ = w.Close()
	wire.mend()
	free(t, path)
	least, most := before+3, before+3
	if stays {
		least, most = before+1, before+2
	}
	s, err := homeOf(t, p).Read(t.Context())
	if err != nil || len(s.Instances) < least || len(s.Instances) > most {
		t.Fatalf("cut after %d bytes for good %t: %d instances, want %d to %d, %v", after, stays, len(s.Instances), least, most, err)
	}
}

// hurried is the operator's state with a lease that a test can wait for.
func hurried(t *testing.T, p *project) state.Backend {
	t.Helper()
	files := homeOf(t, p).Backend.(*state.DiskBackend)
	files.Disks.(*sshstate.Folder).Lease = 3 * time.Second
	return files
}

// free waits until the server has noticed that the writer is gone: until the lock of the folder, on this machine, can be had.
func free(t *testing.T, path string) {
	t.Helper()
	lock, err := os.Open(filepath.Join(path, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	had := make(chan error, 1)
	go func() {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_SH)
		for err == unix.EINTR {
			err = unix.Flock(int(lock.Fd()), unix.LOCK_SH)
		}
		had <- err
	}()
	select {
	case err := <-had:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the lock outlives its session")
	}
}

// TestFrozenConnection: the connection stands but nothing gets through, as when a laptop falls asleep. The lease runs out on the server, the
// next operator gets in, and what the first one sends later is not written.
func TestFrozenConnection(t *testing.T) {
	server := startSSHD(t)
	wire := newWire(t, server.port)
	path := filepath.Join(t.TempDir(), "state")
	first, err := hurried(t, operator(t, server.block(wire.port, path))).Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Append(state.Change{Put: statetest.Instance(0, "pc")}); err != nil {
		t.Fatal(err)
	}
	wire.freeze()
	straight := operator(t, server.block(server.port, path))
	free(t, path)
	second, err := hurried(t, straight).Open(t.Context(), "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	late := make(chan error, 1)
	go func() { late <- first.Append(state.Change{Put: statetest.Instance(1, "late")}) }()
	if err := second.Append(state.Change{Put: statetest.Instance(2, "pc")}); err != nil {
		t.Fatal(err)
	}
	wire.thaw()
	if err := <-late; err == nil {
		t.Error("who lost the lease still writes")
	}
	_ = first.Close()
	if err := second.Append(state.Change{Put: statetest.Instance(3, "pc")}); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if s, err := homeOf(t, straight).Read(t.Context()); err != nil || len(s.Instances) != 3 || s.Instance("node.pc[1]") != nil {
		t.Errorf("%d instances, %v", len(s.Instances), err)
	}
}
