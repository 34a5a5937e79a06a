package crowd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/field"
	"viver/nodeimage/field/member"
	"viver/nodeimage/nbd"
	"viver/nodeimage/passport"
)

// worker is a process on a host.
type worker struct {
	birth
	member *member.Member // nil: not a member
	image  *field.Image   // nil: it was not opened yet
	parts  errgroup.Group // of a seed or a false member
	fault  fault
	reader *reader     // nil: it does not read
	client *nbd.Client // nil: it is not connected to a server
	log    *slog.Logger
}

func (w *worker) end() {
	if w.reader != nil {
		w.reader.stop()
	}
	if w.client != nil {
		_ = w.client.Close()
	}
	if w.member != nil {
		_ = w.member.Close()
	}
	_ = w.parts.Wait()
}

// do does what the process is told.
func (w *worker) do(ctx context.Context, o order) (r reply, err error) {
	switch o.Do {
	case "open":
		return r, w.open()
	case "read":
		r.Tally, err = w.readThrough(ctx)
	case "boot":
		r.Tally, err = w.boot(ctx, o)
	case "connect":
		err = w.connect(ctx, *o.Server)
	case "replay":
		r.Tally, err = w.replay(ctx, o)
	case "export":
		err = w.export(ctx, o.Socket)
	case "watch":
		w.reader = watch(ctx, w, o)
	case "tally":
		r.Tally, err = w.tally()
	case "status":
		r.Status, err = w.status()
	case "leave":
		err = w.leave(ctx)
	case "fault":
		w.fault.set(o.Fault)
	default:
		err = fmt.Errorf("crowd: %s cannot do %q", w.Name, o.Do)
	}
	return r, err
}

func (w *worker) holder() (*passport.Holder, error) {
	return passport.NewHolder(w.Cluster, w.Trust, w.Key, w.Passport, nil)
}

func (w *worker) at(port int) netip.AddrPort {
	a, _ := netip.ParseAddr(w.Address) // Start has made it
	return netip.AddrPortFrom(a, uint16(port))
}

// join makes the process a member, as a node is.
func (w *worker) join(ctx context.Context, log *slog.Logger) error {
	holder, err := w.holder()
	if err != nil {
		return err
	}
	w.member, err = member.Start(ctx, member.Config{
		Name: w.Name, Boot: w.Boot, Identity: holder, GossipKey: w.Passport.Gossip, Hints: w.Hints, Log: log,
		Address: w.at(0).Addr(), Blocks: portBlocks, Control: portControl, Gossip: portGossip,
		Field: field.Config{Self: field.Member{Share: w.Share}, Cache: w.Cache, Replicas: w.Replicas, Rest: w.Rest, ReadAhead: w.ReadAhead},
	})
	return err
}

// serveSeed makes the process a server that has the image, as the unit nbd is.
func (w *worker) serveSeed(ctx context.Context, log *slog.Logger) error {
	file, err := nbd.MapFile(w.Data)
	if err != nil {
		return err
	}
	if err := w.serve(ctx, map[string]nbd.Device{string(w.Image): file}, log); err != nil {
		return err
	}
	w.parts.Go(func() error {
		return member.Announce(ctx, member.Seed{
			Name: w.Name, Boot: w.Boot, GossipKey: w.Passport.Gossip, Blocks: w.at(portBlocks), Gossip: portGossip, Hints: w.Hints, Log: log,
		})
	})
	return nil
}

// serve exports devices to the machines of the cluster.
func (w *worker) serve(ctx context.Context, exports map[string]nbd.Device, log *slog.Logger) error {
	holder, err := w.holder()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", w.at(portBlocks).String())
	if err != nil {
		return err
	}
	s := nbd.Server{Exports: exports, TLS: holder.Server(), RequireTLS: true, Log: log}
	w.parts.Go(func() error { return s.Serve(ctx, l) })
	return nil
}

var errNoMember = errors.New("crowd: the process is no member, or has not opened the image")

// open takes the image in.
func (w *worker) open() (err error) {
	if w.member == nil {
		return errNoMember
	}
	w.image, err = w.member.Field.Add(w.Image, w.Root)
	return err
}

func (w *worker) status() (*field.Status, error) {
	if w.member == nil {
		return nil, errNoMember
	}
	s, err := w.member.Field.Status()
	for i := range s.Images {
		s.Images[i].Coverage = nil
	}
	return &s, err
}

// leaveTime bounds leaving.
const leaveTime = time.Minute

func (w *worker) leave(ctx context.Context) error {
	if w.member == nil {
		return errNoMember
	}
	if w.reader != nil {
		w.reader.stop()
		w.reader = nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	return w.member.Leave(ctx, false)
}

// readThrough reads the whole image once, in order, many chunks at once. It opens the image if that was not done.
func (w *worker) readThrough(ctx context.Context) (*Tally, error) {
	if err := w.open(); err != nil {
		return nil, err
	}
	stop, err := w.profile()
	if err != nil {
		return nil, err
	}
	defer stop()
	return readSpans(ctx, w.image, chunks(w.image.Size()), w.AtOnce)
}

// profile begins to note where the processor time goes, if that is wanted.
func (w *worker) profile() (stop func(), err error) {
	if w.Profile == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(w.Profile, w.Name+".cpu"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
