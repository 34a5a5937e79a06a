package crowd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
	"viver/providers/trust"
	"viver/testing/links"
)

// maxHints is how many hosts each process is told of at its start.
const maxHints = 4

// Crowd is the processes of a room. Its methods may be called at once for different hosts.
type Crowd struct {
	Image spec.Digest
	Root  spec.Root
	Data  string // file with the image, in RAM

	room    *links.Room
	options Options
	dir     string
	trust   spec.Trust
	cluster string
	issuer  *passport.Issuer
}

// New makes an image of random bytes, in RAM, and an authority for the passports. The room stays the caller's; Close must be called
// before its own.
func New(room *links.Room, name string, bytes int64, o Options) (*Crowd, error) {
	c := &Crowd{room: room, options: o, dir: "/dev/shm/viver-crowd-" + name}
	if err := errors.Join(os.RemoveAll(c.dir), os.Mkdir(c.dir, 0o700)); err != nil { // a killed run may have left it
		return nil, fmt.Errorf("crowd %s: %w", name, err)
	}
	if err := errors.Join(c.fill(bytes), c.authorize()); err != nil {
		return nil, errors.Join(fmt.Errorf("crowd %s: %w", name, err), os.RemoveAll(c.dir))
	}
	return c, nil
}

// fill makes the image.
func (c *Crowd) fill(bytes int64) error {
	c.Root, c.Data = spec.Root{Size: bytes}, filepath.Join(c.dir, "data")
	f, err := os.Create(c.Data)
	if err != nil {
		return err
	}
	defer f.Close()
	random, p := rand.NewChaCha8([32]byte{1}), make([]byte, spec.ChunkSize)
	for left := bytes; left > 0; left -= spec.ChunkSize {
		p := p[:min(left, spec.ChunkSize)]
		_, _ = random.Read(p) // it has no error
		c.Root.Chunks = append(c.Root.Chunks, spec.DigestOf(p))
		if _, err := f.Write(p); err != nil {
			return err
		}
	}
	c.Image = spec.DigestOf([]byte(strings.Join([]string{"random", fmt.Sprint(bytes)}, " ")))
	return nil
}

// authorize makes a cluster's authority, and that of a server which signs the passports.
func (c *Crowd) authorize() error {
	authority, err := trust.Open(filepath.Join(c.dir, "trust"))
	if err != nil {
		return err
	}
	id, err := authority.Server("seed")
	if err != nil {
		return err
	}
	c.trust, c.cluster = authority.Trust(), authority.Cluster()
	c.issuer, err = passport.NewIssuer(c.cluster, id["passport.crt"], id["passport.key"], id["gossip.key"])
	return err
}

// Close removes the image and the logs. The processes go with the room.
func (c *Crowd) Close() error { return os.RemoveAll(c.dir) }

// Seed starts a server that has the image.
func (c *Crowd) Seed(ctx context.Context, host string) (*Process, error) {
	return c.start(ctx, host, seedRole)
}

// Member starts a node. It is known to the others soon, and has no image yet.
func (c *Crowd) Member(ctx context.Context, host string) (*Process, error) {
	return c.start(ctx, host, memberRole)
}

// False starts a false member, honest at first.
func (c *Crowd) False(ctx context.Context, host string) (*Process, error) {
	return c.start(ctx, host, falseRole)
}

// Members starts nodes on all these hosts.
func (c *Crowd) Members(ctx context.Context, hosts ...string) ([]*Process, error) {
	return c.startAll(ctx, memberRole, hosts)
}

// Idle starts processes that do nothing until they are told to Boot or to Connect.
func (c *Crowd) Idle(ctx context.Context, hosts ...string) ([]*Process, error) {
	return c.startAll(ctx, idleRole, hosts)
}

func (c *Crowd) startAll(ctx context.Context, as role, hosts []string) (list []*Process, err error) {
	list = make([]*Process, len(hosts))
	var all errgroup.Group
	all.SetLimit(4)
	for i, h := range hosts {
		all.Go(func() (err error) {
			list[i], err = c.start(ctx, h, as)
			return err
		})
	}
	return list, all.Wait()
}

// Blocks returns where the process on a host serves chunks.
func (c *Crowd) Blocks(host string) Server {
	return Server{Address: netip.AddrPortFrom(c.room.Address(host), portBlocks).String(), Name: host}
}

// birth is that of a process on a host.
func (c *Crowd) birth(host string, as role) (b birth, err error) {
	b = birth{
		Role: as, Name: host, Boot: fmt.Sprintf("%x", time.Now().UnixNano()), Address: c.room.Address(host).String(),
		Cluster: c.cluster, Trust: c.trust, Image: c.Image, Root: c.Root, Options: c.options,
	}
	if as == seedRole || as == falseRole {
		b.Data = c.Data
	}
	for _, h := range c.room.Hosts() {
		if h != host && len(b.Hints) < maxHints {
			b.Hints = append(b.Hints, fmt.Sprintf("%s:%d", c.room.Address(h), portGossip))
		}
	}
	var p *spec.Passport
	if as == seedRole {
		p, b.Key, err = c.issuer.Own(host, time.Now())
	} else {
		var public []byte
		if public, b.Key, err = passport.NewKey(); err == nil {
			p, err = c.issuer.Sign(host, public, time.Now())
		}
	}
	if err != nil {
		return birth{}, err
	}
	b.Passport = *p
	return b, nil
}
