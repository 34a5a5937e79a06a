package state

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// TestKilledWriter has other processes change the state as fast as they can, and kills each after it has acknowledged some changes: with
// SIGKILL, at whatever it was just doing. Nothing that was acknowledged is lost.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("STATE_TEST_WRITE"); dir != "" {
		writeFor(t, dir)
	}
	dir := t.TempDir()
	last := uint64(0)
	r := rand.New(rand.NewPCG(1, 1))
	for range 12 {
		acknowledged := killedAfter(t, dir, r.IntN(60))
		s, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if s.Serial < acknowledged || s.Serial > acknowledged+60 || s.Serial <= last {
			t.Fatalf("serial %d, acknowledged were %d, before it was %d", s.Serial, acknowledged, last)
		}
		last = s.Serial
	}
}

// writeFor opens and closes the state again and again, and says each serial that is sure.
func writeFor(t *testing.T, dir string) {
	for {
		s, err := Open(dir, "viver apply")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if err := s.Append(Change{Put: sample(n)}); err != nil {
				t.Fatal(err)
			}
			fmt.Println(s.State().Serial)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedAfter starts a writer, kills it after so many lines, and returns the last serial that it said.
func killedAfter(t *testing.T, dir string, lines int) (serial uint64) {
	writer := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	writer.Env = append(os.Environ(), "STATE_TEST_WRITE="+dir)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err == nil {
		err = writer.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for said := bufio.NewScanner(out); said.Scan(); lines-- {
		if lines == 0 {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := strconv.ParseUint(said.Text(), 10, 64); err == nil {
			serial = n
		}
	}
	_ = writer.Wait() // reports the kill
	return serial
}

// TestFullFileSystem fills a real one: the change that has no room is refused with advice, what was there stays, and once there is room
// the next command works.
func TestFullFileSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("viver-test", dir, "tmpfs", 0, "size=192k"); err != nil {
		t.Skipf("mount a tmpfs: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	folder := filepath.Join(dir, Folder)
	s, err := Open(folder, "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	sure := 0
	for err == nil && sure < 1000 {
		if err = s.Append(Change{Put: sample(sure)}); err == nil {
			sure++
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || sure < 10 {
		t.Fatalf("after %d changes: %v", sure, err)
	}
	_ = s.Close() // cannot fold either
	if got, err := Read(folder); err != nil || len(got.Instances) != sure {
		t.Fatalf("%d instances of %d, %v", len(got.Instances), sure, err)
	}
	if _, err := Open(folder, "viver apply"); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("open on the full disk: %v", err)
	}
	if err := syscall.Mount("viver-test", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(folder, "viver apply"); err != nil {
		t.Fatal(err)
	}
	if got := s.State(); len(got.Instances) != sure {
		t.Errorf("%d instances of %d", len(got.Instances), sure)
	}
	if err := s.Append(Change{Put: sample(sure)}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
