package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
)

func manifestOf(size int64) *spec.Manifest { return &spec.Manifest{Root: spec.Root{Size: size}} }

func TestFollow(t *testing.T) {
	log := filepath.Join(t.TempDir(), "serial.log")
	var got []string
	ended := make(chan error)
	seen := make(chan bool, 8)
	go func() {
		ended <- follow(t.Context(), log, func(line []byte, _ time.Time) bool {
			got = append(got, string(line))
			seen <- true
			return string(line) == "three"
		})
	}()
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, part := range []string{"one\r\ntw", "o\nthree\nfour\n"} {
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
		<-seen
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := follow(ctx, filepath.Join(t.TempDir(), "none"), func([]byte, time.Time) bool { return false })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMarks(t *testing.T) {
	for line, want := range map[string][]string{
		"[    9.551767] bench: root":                        {"root", ""},
		"debian login: [   20.1] bench: joined 40960":       {"joined", "40960"},
		"[    4.0] bench: failed: find the disk":            nil,
		"[    4.0] bench: failed connect to nbd-server":     {"failed", "connect to nbd-server"},
		"[    4.0] systemd[1]: Started bench: rooted thing": nil,
	} {
		var got []string
		if m := marked.FindStringSubmatch(line); m != nil {
			got = m[1:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestSentBy(t *testing.T) {
	const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
  tap0: 1073116    7200    0    0    0     0          0         0 45097111   30000    0    0    0     0       0          0
`
	if n, err := sentBy([]byte(table), "tap0"); n != 45097111 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := sentBy([]byte(table), "tap1"); err == nil {
		t.Error("an interface that is not there has a counter")
	}
}
