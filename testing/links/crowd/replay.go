package crowd

import (
	"context"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

// Server is an NBD server that has the image, under its ID or under any name.
type Server struct {
	Address string // "address:port", or the path of a Unix socket
	Name    string // of the machine that must show a passport; "": none is asked for, and all is in the clear
}

// Span is so many bytes of the image from an offset on.
type Span struct{ Offset, Length int64 }

// chunks are the spans of an image of this size.
func chunks(size int64) (list []Span) {
	for off := int64(0); off < size; off += spec.ChunkSize {
		list = append(list, Span{off, min(spec.ChunkSize, size-off)})
	}
	return list
}

// Chunks returns the image's chunks, in order.
func (c *Crowd) Chunks() []Span { return chunks(c.Root.Size) }

// boot makes the process a member with the image, if it is none, or connects it to a server, and reads.
func (w *worker) boot(ctx context.Context, o order) (*Tally, error) {
	stop, err := w.profile()
	if err != nil {
		return nil, err
	}
	defer stop()
	if o.Server != nil {
		err = w.connect(ctx, *o.Server)
	} else {
		err = w.joinAndOpen(ctx)
	}
	if err != nil {
		return nil, err
	}
	return w.replay(ctx, o)
}

func (w *worker) joinAndOpen(ctx context.Context) error {
	if w.member == nil {
		if err := w.join(ctx, w.log); err != nil {
			return err
		}
	}
	return w.open()
}

// connectTime bounds connecting to a server.
const connectTime = time.Minute

// connect leaves the server that was there before.
func (w *worker) connect(ctx context.Context, s Server) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	if w.client != nil {
		_ = w.client.Close()
		w.client = nil
	}
	network := "tcp"
	if strings.HasPrefix(s.Address, "/") {
		network = "unix"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, s.Address)
	if err != nil {
		return err
	}
	client, err := w.negotiate(ctx, conn, s)
	if err == nil {
		w.client = client
	}
	return err
}

// negotiate owns the connection.
func (w *worker) negotiate(ctx context.Context, conn net.Conn, s Server) (*nbd.Client, error) {
	if s.Name == "" {
		return nbd.NewClient(ctx, conn, string(w.Image))
	}
	holder, err := w.holder()
	if err != nil {
		conn.Close()
		return nil, err
	}
	return nbd.NewClientTLS(ctx, conn, string(w.Image), holder.Client(s.Name))
}

func (w *worker) replay(ctx context.Context, o order) (*Tally, error) {
	if w.client != nil {
		return readSpans(ctx, w.client, o.Spans, o.AtOnce)
	}
	if w.image == nil {
		return nil, errNoMember
	}
	return readSpans(ctx, w.image, o.Spans, o.AtOnce)
}

// export serves the image as the kernel gets it: to programs of this computer, from the member's memory where it is there.
func (w *worker) export(ctx context.Context, socket string) error {
	if err := w.open(); err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := nbd.Server{Exports: map[string]nbd.Device{string(w.Image): w.image}, Log: w.log}
	w.parts.Go(func() error { return s.Serve(ctx, l) })
	return nil
}

// readSpans reads spans in their order, so many at once.
func readSpans(ctx context.Context, d nbd.Device, spans []Span, atOnce int) (*Tally, error) {
	next, t := make(chan Span), &Tally{Reads: int64(len(spans))}
	longest := int64(0)
	for _, s := range spans {
		t.Bytes, longest = t.Bytes+s.Length, max(longest, s.Length)
	}
	readers, ctx := errgroup.WithContext(ctx)
	for range max(1, atOnce) {
		readers.Go(func() error {
			p := make([]byte, longest)
			for s := range next {
				if err := read(ctx, d, p[:s.Length], s.Offset); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, s := range spans {
		select {
		case next <- s:
		case <-ctx.Done():
		}
	}
	close(next)
	return t, readers.Wait()
}

func read(ctx context.Context, d nbd.Device, p []byte, off int64) error {
	if ready, ok := d.(nbd.Ready); ok && ready.ReadNow(p, off) {
		return nil
	}
	return d.ReadAt(ctx, p, off)
}
