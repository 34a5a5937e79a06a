package handover_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/spec"
)

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handover.json")
	want := &handover.Document{
		Bundle:  spec.Bundle{Version: 1, Cluster: "c0ffee", Servers: []spec.Server{{Name: "seed", NBD: "10.20.0.1:10809"}}},
		Join:    spec.JoinResponse{Node: spec.NodeSpec{Name: "pc01"}, Token: "t"},
		HostKey: "key",
	}
	if err := handover.Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := handover.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: the host key is in it", info.Mode(), err)
	}
}

func TestUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handover.json")
	if _, err := handover.Read(path); err == nil {
		t.Error("a missing document was read")
	}
	if err := os.WriteFile(path, []byte(`{"join":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := handover.Read(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := handover.Write(filepath.Join(path, "no"), &handover.Document{}); err == nil {
		t.Error("written below a file")
	}
}

func channel(t *testing.T) (init, disk *handover.Channel) {
	t.Helper()
	init, f, err := handover.NewChannel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { init.Close() })
	disk, err = handover.OpenChannel(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return init, disk
}

func TestChannel(t *testing.T) {
	init, disk := channel(t)
	disk.Trouble("connection refused\nby " + strings.Repeat("x", 2000))
	disk.Trouble("no route")
	disk.Attached()
	var reasons []string
	if err := init.WaitAttached(func(r string) { reasons = append(reasons, r) }); err != nil {
		t.Fatal(err)
	}
	if len(reasons) != 2 || !strings.HasPrefix(reasons[0], "connection refused; by xxx") || reasons[1] != "no route" {
		t.Errorf("got %q", reasons)
	}
	init.RootMounted()
	init.Close()
	mounted := 0
	disk.WaitHandover(func() { mounted++ })
	if mounted != 1 {
		t.Errorf("told %d times of the root", mounted)
	}
	disk.Attached() // a second process says it again; nobody hears, nothing happens
}

func TestDiskGone(t *testing.T) {
	init, disk := channel(t)
	disk.Close()
	if err := init.WaitAttached(func(string) {}); err == nil || !strings.Contains(err.Error(), "the channel ended") {
		t.Errorf("got %v", err)
	}
}

func TestCounter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "count")
	for _, want := range []int64{0, 1 << 40, 7} {
		c, err := handover.OpenCounter(path)
		if err != nil {
			t.Fatal(err)
		}
		if want > 0 {
			err = c.Set(want)
		}
		if got, getErr := c.Get(); got != want || err != nil || getErr != nil {
			t.Errorf("got %d, %v, %v; want %d", got, err, getErr, want)
		}
		c.Close()
	}
	c, err := handover.OpenCounter(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Get(); got != 7 || err != nil {
		t.Errorf("after reopening: %d, %v", got, err)
	}
}
