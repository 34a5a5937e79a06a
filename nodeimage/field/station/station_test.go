package station_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/field/station"
	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// node is a machine with a station.
type node struct {
	*station.Station
	w         *world
	public    []byte
	passports chan spec.Passport
	ready     chan *field.Image
	gone      chan struct{}
	door      door.Client
}

func (w *world) node(name, address string) *node {
	w.t.Helper()
	n := &node{
		w: w, passports: make(chan spec.Passport), ready: make(chan *field.Image, 1), gone: make(chan struct{}, 1),
		door: door.Client{Path: filepath.Join(w.t.TempDir(), "door")},
	}
	var key string
	var err error
	n.public, key, err = passport.NewKey()
	check(w.t, err)
	n.Station, err = station.New(station.Config{
		Cluster: cluster, Trust: w.trust, Key: key, Boot: "boot-of-" + address, Image: w.image, Root: w.root,
		Passports: func(ctx context.Context, changed func(spec.Passport)) error {
			for {
				select {
				case p := <-n.passports:
					changed(p)
				case <-ctx.Done():
					return nil
				}
			}
		},
		Wishes: &spec.FieldSpec{Memory: "64MiB"}, Memory: 1 << 30, Hints: []string{w.hint}, Door: n.door.Path,
		Ready: func(i *field.Image) { n.ready <- i }, Gone: func() { n.gone <- struct{}{} },
	}, netip.MustParseAddr(address))
	check(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); check(w.t, <-done) })
	n.name(name)
	return n
}

// name gives the machine a passport with a name.
func (n *node) name(name string) {
	n.w.t.Helper()
	p, err := n.w.issuer.Sign(name, n.public, time.Now())
	check(n.w.t, err)
	n.passports <- *p
}

// reads checks that the whole image can be read.
func (n *node) reads(i *field.Image) {
	n.w.t.Helper()
	p := make([]byte, len(n.w.data))
	check(n.w.t, i.ReadAt(n.w.t.Context(), p, 0))
	if !n.w.same(p) {
		n.w.t.Error("another image was read")
	}
}

// A machine is a member from its passport on, holds nothing for others before it has come up, and begins anew under another name and at
// another address.
func TestLife(t *testing.T) {
	w := newWorld(t, 12)
	n := w.node("pc01", "127.77.0.2")
	n.reads(<-n.ready)
	s, err := n.door.Status()
	check(t, err)
	if s.Self.Name != "pc01" || s.Memory.ShareLimit != 64<<20 || len(s.Images) != 1 || !s.Images[0].InUse {
		t.Errorf("it is %+v", s)
	}
	n.name("pc07")
	<-n.gone
	n.reads(<-n.ready)
	if s, err = n.door.Status(); err != nil || s.Self.Name != "pc07" {
		t.Errorf("it is %q, %v", s.Self.Name, err)
	}
	n.Move(netip.MustParseAddr("127.77.0.3"))
	<-n.gone
	image := <-n.ready
	if s, err = n.door.Status(); err != nil || s.Self.Blocks != "127.77.0.3:10809" {
		t.Errorf("it is at %q, %v", s.Self.Blocks, err)
	}
	n.reads(image)
	if got := n.Fetched(); got < int64(3*len(w.data)) {
		t.Errorf("three members in a row have fetched %d bytes", got)
	}
}

// What a machine has fetched before it came up is what it has read. Then it fetches its share.
func TestWake(t *testing.T) {
	w := newWorld(t, 12)
	n := w.node("pc01", "127.77.1.2")
	<-n.ready
	s, err := n.door.Status()
	check(t, err)
	if s.Images[0].Missing == 0 {
		t.Error("it holds a share before it has come up")
	}
	check(t, n.Wake())
	for s.Images[0].Missing > 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("it never holds its share")
		case <-time.After(20 * time.Millisecond):
		}
		s, err = n.door.Status()
		check(t, err)
	}
}

func TestRefusesShare(t *testing.T) {
	_, err := station.New(station.Config{Wishes: &spec.FieldSpec{Memory: "2 cups"}, Memory: 1 << 30}, netip.MustParseAddr("127.77.0.9"))
	if err == nil {
		t.Error("a share of 2 cups was taken")
	}
}
