// Package nbd is the unit that serves images to machines over NBD.
//
// It owns the unit's configuration and what is exported under which name; the protocol and its speed are those of package
// nodeimage/nbd.
package nbd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"

	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"viver/nodeimage/field/member"
	"viver/nodeimage/imagestore"
	wire "viver/nodeimage/nbd"
	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
	"viver/pacs/netboot/ports"
)

// maxClients bounds how many are connected at once: a machine needs one connection, and some 20 KiB here.
const maxClients = 8192

// Config is the unit's configuration.
type Config struct {
	// Listen is "host:port", or ":10809" for all addresses.
	Listen string `json:"listen"`
	// Images are the IDs of the images that must be there. Each image of the store is exported under its ID, also those that are not
	// named here: machines that booted a former one read from it until they boot again.
	Images []spec.Digest `json:"images"`
	// Gossip is the port at which this server is one of those that share roots, a seed; 0: it is none. Listen needs a host then.
	Gossip uint16 `json:"gossip,omitempty"`
}

// Run serves the images of start.ImageDir until ctx ends; it returns nil then. It calls emit once, when it serves. log may be nil.
func Run(ctx context.Context, start spec.UnitStart, emit func(spec.UnitEvent), log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	config, err := decode(start.Unit)
	if err != nil {
		return fmt.Errorf("nbd unit %s: %w", start.Unit.Name, err)
	}
	exports, release, err := open(start.ImageDir, config.Images, log)
	if err != nil {
		return fmt.Errorf("nbd unit %s: %w", start.Unit.Name, err)
	}
	defer release()
	holder, err := secure(start)
	if err != nil {
		return fmt.Errorf("nbd unit %s: %w", start.Unit.Name, err)
	}
	l, err := listen(ctx, config.Listen)
	if err != nil {
		return fmt.Errorf("nbd unit %s: %w", start.Unit.Name, err)
	}
	s := wire.Server{Exports: exports, Log: log}
	if holder != nil {
		s.TLS = holder.Server()
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return s.Serve(ctx, netutil.LimitListener(l, maxClients)) })
	if holder != nil && config.Gossip != 0 {
		parts.Go(func() error { return announce(ctx, holder, start.Passport.Gossip, l.Addr(), config.Gossip, log) })
	}
	emit(ready(slices.Sorted(maps.Keys(exports)), l.Addr().(*net.TCPAddr)))
	if err := parts.Wait(); err != nil {
		return fmt.Errorf("nbd unit %s: %w", start.Unit.Name, err)
	}
	return nil
}

// secure is for TLS with those that ask for it: machines of the cluster, with passports; nil: this machine has none. It is not required:
// those that run an image of an earlier version read in the clear, and all do before they have joined. What they read is no secret, and they
// check each chunk.
func secure(start spec.UnitStart) (*passport.Holder, error) {
	if start.Passport == nil {
		return nil, nil
	}
	return passport.NewHolder(start.Cluster, start.Trust, start.Key, *start.Passport, nil)
}

// announce makes this server known to all that share roots.
func announce(ctx context.Context, holder *passport.Holder, key []byte, blocks net.Addr, port uint16, log *slog.Logger) error {
	return member.Announce(ctx, member.Seed{
		Name: holder.Name(), Boot: rand.Text()[:8], GossipKey: key, Blocks: blocks.(*net.TCPAddr).AddrPort(), Gossip: port, Log: log,
	})
}

func decode(unit spec.UnitSpec) (Config, error) {
	var c Config
	if err := spec.Decode(unit.Config, &c); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		return c, fmt.Errorf("configuration: listen = %q: want \"host:port\" or \":%d\": %w", c.Listen, spec.PortNBD, err)
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return c, fmt.Errorf("configuration: listen = %q: %q is no port: want 0 to 65535", c.Listen, port)
	} else if host, _, _ := net.SplitHostPort(c.Listen); c.Gossip != 0 && host == "" {
		return c, fmt.Errorf("configuration: gossip = %d: listen = %q does not say at which address others find this server", c.Gossip, c.Listen)
	} else if len(c.Images) == 0 {
		return c, fmt.Errorf("configuration: no image to serve on port %d", n)
	}
	return c, nil
}

// open maps the roots of all images in the store; those that are needed must be there and whole. release unmaps them.
func open(dir string, needed []spec.Digest, log *slog.Logger) (exports map[string]wire.Device, release func(), err error) {
	store, err := imagestore.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	there, err := store.List()
	if err != nil {
		return nil, nil, err
	}
	exports = map[string]wire.Device{}
	var files []*wire.File
	release = func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(needed, there)))) {
		f, err := openImage(store, id)
		if err != nil && !slices.Contains(needed, id) {
			log.Warn("a former image is not served", "image", id, "error", err)
			continue
		}
		if err != nil {
			release()
			return nil, nil, err
		}
		files = append(files, f)
		exports[string(id)] = f
	}
	return exports, release, nil
}

func openImage(store *imagestore.Store, id spec.Digest) (*wire.File, error) {
	m, err := store.Manifest(id)
	if err != nil {
		return nil, err
	}
	path, err := store.Path(id, imagestore.FileRoot)
	if err != nil {
		return nil, err
	}
	f, err := wire.MapFile(path)
	if err != nil {
		return nil, err
	}
	if size := f.Size(); size != m.Root.Size {
		_ = f.Close()
		return nil, fmt.Errorf("%s has %d bytes, its manifest says %d: remove the image and copy it again", path, size, m.Root.Size)
	}
	return f, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		number, _ := strconv.Atoi(port) // decode has seen that it is one
		return nil, fmt.Errorf("port %s is in use by %s: stop it, or serve on another port: %w", port, ports.Holder("/proc", "tcp", number), err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine does not have the address of %s: `ip address` shows those it has: %w", address, err)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("port %s needs root: %w", port, err)
	}
	return nil, err
}

func ready(images []string, address *net.TCPAddr) spec.UnitEvent {
	var text []string
	for _, id := range images {
		text = append(text, "image="+id)
	}
	count := "1 image"
	if len(images) > 1 {
		count = fmt.Sprintf("%d images", len(images))
	}
	return spec.UnitEvent{Ready: &spec.UnitReadyEvent{
		Detail:   fmt.Sprintf("%s on %s", count, address),
		Services: []spec.Service{{Type: spec.ServiceNBD, Port: address.Port, Text: text}},
	}}
}
