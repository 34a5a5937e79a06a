package crowd

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"viver/nodeimage/field"
	"viver/nodeimage/field/gossip"
	"viver/nodeimage/field/peer"
	"viver/nodeimage/nbd"
)

// fault is what a false member does now. It is safe for concurrent use.
type fault struct {
	mu      sync.Mutex
	now     Fault
	changed chan struct{} // closed when now changes
}

func (f *fault) set(to Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed != nil {
		close(f.changed)
	}
	f.now, f.changed = to, make(chan struct{})
}

func (f *fault) get() (Fault, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.changed
}

// pretend makes the process a false member. It has the whole image, so it can be asked for anything.
func (w *worker) pretend(ctx context.Context, log *slog.Logger) error {
	w.fault.set(Honest)
	file, err := nbd.MapFile(w.Data)
	if err != nil {
		return err
	}
	false := &falseDevice{file, &w.fault}
	exports := map[string]nbd.Device{string(w.Image): false, string(w.Image) + "/share": false}
	if err := w.serve(ctx, exports, log); err != nil {
		return err
	}
	if err := w.boast(ctx, log); err != nil {
		return err
	}
	self := field.Member{ID: field.MemberID(w.Name + "/" + w.Boot), Name: w.Name, Share: w.Share}
	self.Blocks, self.Control = w.at(portBlocks).String(), w.at(portControl).String()
	g, err := gossip.New(gossip.Config{Self: self, Key: w.Passport.Gossip, Listen: w.at(portGossip), Hints: w.Hints, Log: log})
	if err != nil {
		return err
	}
	w.parts.Go(func() error { return g.Run(ctx) })
	w.parts.Go(func() error {
		for range g.Events() { // it asks nobody
		}
		return nil
	})
	return nil
}

// boast tells all who ask that every chunk is here.
func (w *worker) boast(ctx context.Context, log *slog.Logger) error {
	holder, err := w.holder()
	if err != nil {
		return err
	}
	f, err := field.Open(field.Config{Self: field.Member{ID: "x/1", Name: "x", Share: int64(len(w.Root.Chunks)+1) << 18}, Peers: &peer.Dialer{TLS: holder}, ShareRate: 1 << 40})
	if err != nil {
		return err
	}
	// It fills itself from its own blocks, which are honest now.
	f.Up(field.Member{ID: "y/1", Name: w.Name, Blocks: w.at(portBlocks).String(), Seed: true})
	i, err := f.Add(w.Image, w.Root)
	if err != nil {
		return err
	}
	for p, off := make([]byte, 1<<18), int64(0); off < i.Size(); off += 1 << 18 {
		if err := i.ReadAt(ctx, p[:min(1<<18, i.Size()-off)], off); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", w.at(portControl).String())
	if err != nil {
		return err
	}
	s := peer.Server{Field: f, TLS: holder, Log: log}
	w.parts.Go(func() error {
		defer f.Close()
		return s.ServeControl(ctx, l)
	})
	return nil
}

// falseDevice is the image as a false member serves it.
type falseDevice struct {
	file  *nbd.File
	fault *fault
}

// Size implements nbd.Device.
func (d *falseDevice) Size() int64 { return d.file.Size() }

// ReadAt implements nbd.Device.
func (d *falseDevice) ReadAt(ctx context.Context, p []byte, off int64) error {
	for {
		now, changed := d.fault.get()
		if now != Stalls {
			err := d.file.ReadAt(ctx, p, off)
			if now == Lies && len(p) > 0 {
				p[len(p)/2] ^= 1
			}
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
