package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostAt is this machine, with a data folder of its own. What goes to it breaks off after so many bytes; a negative number: never.
func hostAt(dir string, after int64) *host {
	return &host{here: true, dir: dir, run: func(ctx context.Context, command []string, stdin io.Reader) ([]byte, error) {
		if after >= 0 {
			stdin = io.LimitReader(stdin, after)
		}
		return runHere(ctx, command, stdin)
	}}
}

func TestWhatBreaksOffChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "viver")
	program, identity := []byte("#!/bin/sh\n"), []byte("tls.crt YQ==\nidentity.json Yg==\n")
	whole := hostAt(dir, -1)
	for word, data := range map[string][]byte{"program": program, "identity": identity} {
		if _, err := whole.give(t.Context(), word, data); err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"program", "identity"} {
		data := bytes.Repeat([]byte("tls.crt Yw==\n"), 100)
		for _, after := range []int64{0, 13, 1000} {
			if _, err := hostAt(dir, after).give(t.Context(), word, data); err == nil || !strings.Contains(err.Error(), "the connection broke") {
				t.Errorf("%s cut off after %d bytes: %v", word, after, err)
			}
		}
	}
	for name, want := range map[string]string{"viver-node": string(program), "identity/tls.crt": "a", "identity/identity.json": "b"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.*")); err != nil || len(left) > 0 {
		t.Errorf("there is left: %v, %v", left, err)
	}
	if _, err := whole.do(t.Context(), "remove"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its removal: %v", err)
	}
}

func TestRemoveLeavesWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h := hostAt(dir, -1)
	if _, err := h.give(t.Context(), "program", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.do(t.Context(), "remove"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "letter" {
		t.Errorf("there is left: %v, %v", left, err)
	}
}
