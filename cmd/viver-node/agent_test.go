package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

func TestOneAgentForEachFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(filepath.Join(dir, "agent.pid"))
	if err != nil || string(pid) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("%q, %v", pid, err)
	}
	if _, err := lock(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second agent: %v", err)
	}
	unlock()
	if unlock, err = lock(dir); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	unlock()
	if _, err := lock(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing folder was locked")
	}
}

func TestAgentArguments(t *testing.T) {
	if dir, err := parseAgent([]string{"--dir", "/x/../y"}); err != nil || dir != "/y" {
		t.Errorf("%q, %v", dir, err)
	}
	for _, args := range [][]string{nil, {"--dir", ""}, {"--dir"}, {"--dir", "/x", "y"}, {"--other"}} {
		if _, err := parseAgent(args); err == nil || !strings.Contains(err.Error(), "agent --dir DIR") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestUnitSaysWhatIsWrong(t *testing.T) {
	for input, want := range map[string]string{
		"":                            "standard input",
		`{"unit":{"name":"a"},"x":1}`: "unknown field",
		`{"unit":{"name":"a","type":"cron","config":{}}}`:             `no type "cron"; it has ["dhcp" "nbd" "netboot" "tftp"]`,
		`{"unit":{"name":"a","type":"dhcp","config":{"nonsense":1}}}`: "nonsense",
	} {
		err := serveUnit(t.Context(), strings.NewReader(input), new(bytes.Buffer), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error with %q, got %v", input, want, err)
		}
	}
}

// events passes on what a unit writes.
type events chan spec.UnitEvent

func (e events) Write(line []byte) (int, error) {
	var event spec.UnitEvent
	err := spec.Decode(line, &event)
	e <- event
	return len(line), err
}

// store returns an image store with one small image in it.
func store(t *testing.T) (dir string, id spec.Digest) {
	t.Helper()
	root, file := make([]byte, 4096), []byte("boot")
	boot := spec.File{Size: int64(len(file)), SHA256: spec.DigestOf(file)}
	s, err := imagestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	draft, err := s.Create(&spec.Manifest{
		Version: 1, Root: spec.Root{Size: 4096, Chunks: []spec.Digest{spec.DigestOf(root)}}, Files: map[string]spec.File{"vmlinuz": boot, "initrd": boot},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{imagestore.FileRoot: root, imagestore.FileKernel: file, imagestore.FileInitrd: file} {
		if err := draft.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := draft.Commit(); err != nil {
		t.Fatal(err)
	}
	return s.Dir(), draft.ID()
}

func TestUnitServesUntilItIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir, id := store(t)
	start, err := json.Marshal(spec.UnitStart{
		Unit:     spec.UnitSpec{Name: "boot.nbd", Type: "nbd", Config: fmt.Appendf(nil, `{"listen":"127.0.0.1:0","images":[%q]}`, id)},
		ImageDir: dir, StateDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	e, ended := make(events, 16), make(chan error, 1)
	go func() { ended <- serveUnit(ctx, bytes.NewReader(start), e, slog.New(slog.DiscardHandler)) }()
	select {
	case event := <-e:
		if event.Ready == nil || len(event.Ready.Services) != 1 || event.Ready.Services[0].Type != spec.ServiceNBD {
			t.Errorf("%+v", event)
		}
	case err := <-ended:
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
