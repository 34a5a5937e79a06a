package handover

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// ReadyPath is where the agent says that the machine has come up, seen from the initramfs' root: what can wait begins then.
const ReadyPath = "/viver/run/ready"

// WriteReady says that the machine has come up.
func WriteReady(path string) error { return write(path, true) }

// WaitReady waits until WriteReady was called, or ctx ends.
func WaitReady(ctx context.Context, path string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return watch(ctx, path, func() error {
		switch _, err := os.Stat(path); {
		case err == nil:
			cancel()
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return nil
		default:
			return err
		}
	})
}
