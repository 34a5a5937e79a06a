package rootdisk

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/block"
	"viver/nodeimage/spec"
)

// silent is a server that takes requests, and answers when it is let.
type silent struct{ let chan struct{} }

func (s silent) ReadAt(ctx context.Context, _ []byte, _ int64) error {
	select {
	case <-s.let:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s silent) Size() int64     { return 4096 }
func (s silent) Received() int64 { return 0 }
func (s silent) Err() error      { return nil }
func (s silent) Close() error    { return nil }

func TestStandstillIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := spec.Root{Size: 4096, Chunks: []spec.Digest{spec.DigestOf(make([]byte, 4096))}}
		d, err := Open(Config{Root: root, Servers: []spec.Server{{Name: "seed", NBD: "192.0.2.1:10809"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { d.Close() }()
		server := silent{make(chan struct{})}
		d.failover.Close()
		if d.failover, err = block.NewFailover(4096, []block.Source{{Name: "seed", Dial: func(context.Context) (block.Conn, error) {
			return server, nil
		}}}, block.FailoverOptions{}); err != nil {
			t.Fatal(err)
		}
		if d.verified, err = block.NewVerified(d.failover, root, block.Options{}); err != nil {
			t.Fatal(err)
		}
		d.ways.servers = d.verified
		if w := d.Waiting(time.Second); w != "" {
			t.Errorf("nothing was asked: %q", w)
		}
		read := make(chan error)
		go func() { read <- d.device.ReadAt(t.Context(), make([]byte, 512), 0) }()
		time.Sleep(900 * time.Millisecond)
		if w := d.Waiting(time.Second); w != "" {
			t.Errorf("too early: %q", w)
		}
		time.Sleep(200 * time.Millisecond)
		first := d.Waiting(time.Second)
		if !strings.Contains(first, "seed") || !strings.Contains(first, "wait: 1") {
			t.Errorf("said %q", first)
		}
		close(server.let)
		if err := <-read; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if w := d.Waiting(0); w != "" {
			t.Errorf("it was answered: %q", w)
		}
	})
}
