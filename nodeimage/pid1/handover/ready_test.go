package handover_test

import (
	"context"
	"path/filepath"
	"testing"

	"viver/nodeimage/pid1/handover"
)

func TestReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready")
	done := make(chan error)
	go func() { done <- handover.WaitReady(t.Context(), path) }()
	if err := handover.WriteReady(path); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := handover.WaitReady(t.Context(), path); err != nil { // another process of the same boot
		t.Error(err)
	}
}

func TestNeverReady(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- handover.WaitReady(ctx, filepath.Join(t.TempDir(), "ready")) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if handover.WaitReady(t.Context(), filepath.Join(t.TempDir(), "nowhere", "ready")) == nil {
		t.Error("a folder that is not there was watched")
	}
}
