// Package station keeps a diskless machine a member of V-FIELD for as long as it lives: from its first passport on, and again when its
// address or its name changes, or when something fails.
//
// It owns when there is a member and with which settings. What a member is, is for package member; where its blocks go is for who opens
// the station.
package station

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/field/member"
	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// again is the pause before a member that has failed begins anew.
const again = time.Second

// Config is what a station is told at its start.
type Config struct {
	Cluster string // ID
	Trust   spec.Trust
	Key     string // private, to the machine's passports: PKCS #8, PEM
	// Passports calls changed with the machine's passport and with each that takes its place, until ctx ends; then it returns nil.
	Passports func(ctx context.Context, changed func(spec.Passport)) error
	Boot      string // the kernel's boot ID
	// Image is that which the machine runs, with its Root.
	Image spec.Digest
	Root  spec.Root
	// Wishes say how it takes part; nil: by the defaults. Memory is the machine's RAM in bytes.
	Wishes *spec.FieldSpec
	Memory int64
	// Hints and Discover say where others may be; see gossip.Config.
	Hints    []string
	Discover func(ctx context.Context, found func(address string))
	Door     string // path of the socket for other processes of the machine; see package door
	// Ready is called when the image can be read through the member, Gone before that ends.
	Ready func(*field.Image)
	Gone  func()
	Log   *slog.Logger // nil is silent
}

// Station is a machine's place in the field. It is safe for concurrent use.
type Station struct {
	config   Config
	settings field.Config
	shelf    shelf

	mu      sync.Mutex // guards the rest
	holder  *passport.Holder
	current identity
	changed chan struct{} // closed when current is another
	fetched int64         // by members that have ended
	awake   bool
	member  *member.Member
}

// identity is what a member cannot change while it lives.
type identity struct {
	name    string
	gossip  string // key
	address netip.Addr
}

// complete reports whether there can be a member.
func (i identity) complete() bool { return i.name != "" && i.address.IsValid() }

// New makes a station at an address. Run must be called.
func New(c Config, address netip.Addr) (*Station, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	settings, err := settings(c)
	if err != nil {
		return nil, err
	}
	return &Station{config: c, settings: settings, current: identity{address: address}, changed: make(chan struct{})}, nil
}

// Run returns nil when ctx ends, and an error if it cannot follow the machine's passports. It must be called once.
func (s *Station) Run(ctx context.Context) error {
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return s.config.Passports(ctx, s.renewed) })
	parts.Go(func() error {
		for ctx.Err() == nil {
			s.life(ctx)
		}
		return nil
	})
	return parts.Wait()
}

// Move says that the machine has another address now.
func (s *Station) Move(to netip.Addr) { s.change(func(i *identity) { i.address = to }) }

// Wake says that the machine has come up. Before that it reads through others, but does not fetch what it is to hold for them.
func (s *Station) Wake() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awake = true
	if s.member == nil {
		return nil
	}
	return s.member.Field.Wake()
}

// Fetched returns how many bytes of chunks have come from others.
func (s *Station) Fetched() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member == nil {
		return s.fetched
	}
	return s.fetched + s.member.Field.Fetched()
}

// renewed takes a passport.
func (s *Station) renewed(p spec.Passport) {
	holder, err := s.hold(p)
	if err != nil {
		s.config.Log.Error("a passport is of no use", "error", err)
		return
	}
	s.change(func(i *identity) { i.name, i.gossip = holder.Name(), string(p.Gossip) })
}

func (s *Station) hold(p spec.Passport) (*passport.Holder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder != nil {
		return s.holder, s.holder.Put(p)
	}
	var err error
	s.holder, err = passport.NewHolder(s.config.Cluster, s.config.Trust, s.config.Key, p, nil)
	return s.holder, err
}

func (s *Station) change(how func(*identity)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current
	if how(&s.current); s.current != before {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// now returns what the machine is, and a channel that is closed when that changes.
func (s *Station) now() (identity, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.changed
}

// life lets the machine be a member until it becomes another one, the member fails, or ctx ends.
func (s *Station) life(ctx context.Context) {
	now, changed := s.now()
	if !now.complete() {
		select {
		case <-changed:
		case <-ctx.Done():
		}
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() { // until done
		select {
		case <-changed:
			cancel()
		case <-done:
		}
	}()
	if err := s.take(ctx, now); err != nil && ctx.Err() == nil {
		s.config.Log.Error("this machine is no member of the shared root for now", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// take makes the machine a member, and returns when that has ended.
func (s *Station) take(ctx context.Context, as identity) (err error) {
	c := s.config
	m, err := member.Start(ctx, member.Config{
		Name: as.name, Boot: c.Boot + "." + rand.Text()[:8], Identity: s.holder, GossipKey: []byte(as.gossip), Address: as.address,
		Blocks: spec.PortNBD, Control: spec.PortField, Gossip: spec.PortGossip, Hints: c.Hints, Discover: c.Discover, Field: s.settings, Log: c.Log,
	})
	if err != nil {
		return err
	}
	if err := s.begun(m); err != nil {
		return errors.Join(err, m.Close())
	}
	defer func() { err = errors.Join(err, s.ended(m)) }()
	image, err := s.prepare(m)
	if err != nil {
		return err
	}
	told := shelved{door.Of(m.Field, m.Leave), &s.shelf}
	if err := s.shelf.stock(told.Member); err != nil {
		return err
	}
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return m.Wait() })
	parts.Go(func() error { return door.Serve(ctx, c.Door, told, c.Log) })
	parts.Go(func() error { s.breathe(ctx, m.Field); return nil })
	parts.Go(func() error {
		if err := image.ReadAt(ctx, make([]byte, 1), 0); err != nil {
			return fmt.Errorf("station: the first chunk: %w", err)
		}
		c.Ready(image)
		return nil
	})
	return parts.Wait()
}

// prepare has the member hold the machine's image, by its rules.
func (s *Station) prepare(m *member.Member) (*field.Image, error) {
	image, err := m.Field.Add(s.config.Image, s.config.Root)
	if err != nil {
		return nil, err
	}
	if s.config.Wishes != nil {
		err = m.Field.Pin(s.config.Wishes.Pins)
	}
	return image, errors.Join(err, image.Use())
}

func (s *Station) begun(m *member.Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = m
	if s.awake {
		return m.Field.Wake()
	}
	return nil
}

func (s *Station) ended(m *member.Member) error {
	s.config.Gone()
	s.mu.Lock()
	s.member, s.fetched = nil, s.fetched+m.Field.Fetched()
	s.mu.Unlock()
	return m.Close()
}
