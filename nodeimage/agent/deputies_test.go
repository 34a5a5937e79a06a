package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// secondDeputy makes pc02 a deputy too. Both know the way to one another.
func secondDeputy(t *testing.T, w *world, c *clock, first *testDeputy) *testDeputy {
	t.Helper()
	w.put(t, deputySpec("pc02"))
	b := w.machine(t, testMACOf(2))
	b.join(t)
	second := b.deputy(t, c)
	rounds(t, first, second)
	first.machine.asksAt(second)
	second.machine.asksAt(first)
	return second
}

func TestOneDeputyAtATime(t *testing.T) {
	w, c, first := roomWithDeputy(t)
	second := secondDeputy(t, w, c, first)
	w.cutOff(t)
	c.pass(patience)
	rounds(t, second) // the first could begin: it is waited for
	if admitting(first, second) != "" {
		t.Errorf("%s begins", admitting(first, second))
	}
	rounds(t, first, second)
	if admitting(first, second) != "pc01" {
		t.Errorf("%s admit machines", admitting(first, second))
	}
	three := w.machine(t, testMACOf(3)).asksAt(second, first) // the second is asked first, and passed over
	three.join(t)
	rounds(t, first, second)

	// The first dies, the second knows what it did.
	first.close()
	rounds(t, second)
	if admitting(second) != "pc02" {
		t.Fatal("nobody takes over")
	}
	if err := three.report(t); err != nil {
		t.Errorf("a machine that the first let in: %v", err)
	}
	four := w.machine(t, testMACOf(4)).asksAt(second)
	four.join(t)
	if got := three.config.Joined.Node.Name + " " + four.config.Joined.Node.Name; got != "pc03 pc04" {
		t.Errorf("the machines are %s", got)
	}
	if known := max(len(first.machines()), len(second.machines())); known != 4 { // the one that admits machines knows them all
		t.Errorf("an operator who asks the deputies hears of %d machines, not of 4", known)
	}

	// The first starts again, without a kit. The one that admits machines goes on.
	again := w.machine(t, testMACOf(1)).asksAt(second)
	again.config.Request.BootID = strings.Replace(testBootID, "1", "7", 1)
	again.join(t)
	first = again.deputy(t, c)
	rounds(t, first, second, first)
	if p := first.presence(); p.Name != "pc01" || !p.Ready || admitting(first, second) != "pc02" {
		t.Errorf("%+v; %s admits machines", p, admitting(first, second))
	}

	w.start(t)
	rounds(t, second, first) // the server does not know before that the first has started again
	if names := w.names(t); admitting(first, second) != "" || names != "pc01 pc02 pc03 pc04" {
		t.Errorf("%q admits, the server knows %s", admitting(first, second), names)
	}
	for _, b := range []*booted{again, second.machine, three, four} {
		if err := b.report(t); err != nil {
			t.Error(err)
		}
	}
}

// names returns the names that are bound to a machine, and checks that each is bound to one.
func (w *world) names(t *testing.T) string {
	t.Helper()
	var machines []spec.Machine
	if _, err := ask(t, w.operator, spec.OpMachines, nil, &machines); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range machines {
		if slices.Contains(names, m.Node) {
			t.Errorf("two machines are %q", m.Node)
		}
		names = append(names, m.Node)
	}
	return strings.Join(names, " ")
}

// Two deputies that cannot reach one another may give one name to two machines; one of these has to join again afterwards.
func TestDeputiesThatWereApart(t *testing.T) {
	w, c, first := roomWithDeputy(t)
	second := secondDeputy(t, w, c, first)
	w.cutOff(t)
	c.pass(patience)
	first.wire.cut, second.wire.cut = true, true
	rounds(t, first, second)
	if admitting(first, second) != "pc01 pc02" {
		t.Fatalf("%s admit machines", admitting(first, second))
	}
	three, four := w.machine(t, testMACOf(3)).asksAt(first), w.machine(t, testMACOf(4)).asksAt(second)
	three.join(t)
	four.join(t)
	five := w.machine(t, testMACOf(5)).asksAt(second)
	five.join(t)
	if got := three.config.Joined.Node.Name + four.config.Joined.Node.Name + five.config.Joined.Node.Name; got != "pc03pc03pc04" {
		t.Fatal(got)
	}
	first.wire.cut, second.wire.cut = false, false
	rounds(t, first, second)
	if admitting(first, second) != "pc01" {
		t.Errorf("together again, %s admit machines", admitting(first, second))
	}
	four.asksAt(first)
	five.asksAt(first)
	if err := errors.Join(three.report(t), five.report(t)); err != nil {
		t.Error(err)
	}
	if err := four.report(t); !errors.Is(err, join.ErrRefused) {
		t.Errorf("a machine whose name another has: %v", err)
	}
	four.join(t)
	w.start(t)
	rounds(t, second, first)
	if names := w.names(t); names != "pc01 pc02 pc03 pc04 pc05" {
		t.Errorf("the server knows %s", names)
	}
}

// Deputies are found without mDNS too, where the kit says that they are.
func TestWhereDeputiesAre(t *testing.T) {
	w, c, first := roomWithDeputy(t)
	second := secondDeputy(t, w, c, first)
	there := func(address string) string { return net.JoinHostPort(address, strconv.Itoa(spec.PortJoin)) }
	first.servers = func() []string { return []string{"seed:1", there("127.0.0.1")} }
	if got := first.addresses(); !slices.Equal(got, []string{"seed:1", there("127.0.0.1")}) {
		t.Errorf("%q", got)
	}
	second.machine.config.Request.Address = "10.0.0.2"
	second.machine.join(t)
	rounds(t, second) // the server answers
	first.servers = first.machine.servers.List
	rounds(t, first)
	first.servers = func() []string { return []string{"seed:1", "seed:1"} }
	if got := first.addresses(); !slices.Equal(got, []string{"seed:1", there("10.0.0.2")}) {
		t.Errorf("%q", got)
	}
	first.servers = func() (all []string) {
		for n := range 2 * maxAsked {
			all = append(all, strconv.Itoa(n))
		}
		return all
	}
	if got := len(first.addresses()); got != maxAsked {
		t.Errorf("%d are asked", got)
	}
}

func TestSuperiors(t *testing.T) {
	server := spec.Presence{Name: "zz", Ready: true, Admits: true}
	deputy := func(name string, ready, admits bool) spec.Presence {
		return spec.Presence{Name: name, Deputy: true, Ready: ready, Admits: admits}
	}
	ready, admits := deputy("pc5", true, false), deputy("pc5", true, true)
	for name, c := range map[string]struct {
		self   spec.Presence
		others []spec.Presence
		want   string
	}{
		"nobody":                               {ready, nil, ""},
		"itself":                               {ready, []spec.Presence{ready, admits}, ""},
		"servers before deputies":              {ready, []spec.Presence{deputy("pc1", true, true), server, {Name: "yy"}}, "zz yy"},
		"one that could begin before it":       {ready, []spec.Presence{deputy("pc1", true, false)}, "pc1"},
		"numbers are numbers":                  {ready, []spec.Presence{deputy("pc10", true, false)}, ""},
		"one without a kit":                    {ready, []spec.Presence{deputy("pc1", false, false)}, ""},
		"one that admits, whatever its name":   {ready, []spec.Presence{deputy("pc1", true, false), deputy("pc9", true, true)}, "pc9"},
		"two that admit":                       {ready, []spec.Presence{deputy("pc9", true, true), deputy("pc7", true, true)}, "pc7"},
		"it admits, the first could begin":     {admits, []spec.Presence{deputy("pc1", true, false)}, ""},
		"both admit, the other comes first":    {admits, []spec.Presence{deputy("pc1", true, true)}, "pc1"},
		"both admit, the other comes after it": {admits, []spec.Presence{deputy("pc9", true, true)}, ""},
	} {
		var others []colleague
		for _, o := range c.others {
			others = append(others, colleague{o, o.Name})
		}
		var got []string
		for _, s := range superiors(c.self, others) {
			got = append(got, s.address)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: it follows %v, want %q", name, got, c.want)
		}
	}
}

// silence is where nobody answers, after the one kit that a server gave.
type silence struct {
	kit    *spec.Kit
	looked []time.Duration
	began  time.Time
}

func (s *silence) Presence(context.Context, string) (*spec.Presence, error) {
	s.looked = append(s.looked, time.Since(s.began))
	if s.kit == nil {
		return nil, errors.New("nobody is there")
	}
	return &spec.Presence{Name: "seed", Ready: true, Admits: true}, nil
}

func (s *silence) Kit(context.Context, string, join.Proof, string) (*spec.Kit, error) {
	kit := s.kit
	s.kit = nil
	return kit, nil
}

func (s *silence) HandOver(context.Context, string, join.Proof, spec.Handover) error { return nil }

// noCalls is a listener to which nobody connects.
type noCalls struct{ closed chan struct{} }

func (l noCalls) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l noCalls) Addr() net.Addr            { return &net.TCPAddr{Port: spec.PortJoin} }

func (l noCalls) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func TestDeputyHasPatience(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority()
	a.identify(t, dir)
	self, err := loadCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &silence{kit: &spec.Kit{Keys: self.keys}, began: time.Now()}
		began := make(chan time.Duration, 1)
		node := deputySpec("pc01")
		c := NodeConfig{
			Dir: t.TempDir(), Bundle: &spec.Bundle{Cluster: a.cluster()}, Request: spec.JoinRequest{MAC: testMAC},
			Client: &join.Client{Servers: func() []string { return []string{"seed"} }}, Join: noCalls{make(chan struct{})},
		}
		d, err := newDeputy(c, slog.New(slog.DiscardHandler), &progress{}, func() { began <- time.Since(s.began) })
		if err != nil {
			t.Fatal(err)
		}
		d.client, d.joined = s, func() spec.JoinResponse { return spec.JoinResponse{Node: node} }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { d.run(ctx); close(ended) }()
		defer func() { cancel(); <-ended }()
		select {
		case got := <-began:
			if got != patience {
				t.Errorf("it began after %v", got)
			}
		case <-time.After(10 * patience):
			t.Fatal("it does not begin")
		}
		if services := d.services(); len(services) != 1 || services[0].Type != spec.ServiceJoin || services[0].Port != spec.PortJoin {
			t.Errorf("it announces %+v", services)
		}
		if want := []time.Duration{0, deputyRound, 2 * deputyRound}; len(s.looked) != 7 || !slices.Equal(s.looked[:3], want) {
			t.Errorf("it looked after %v", s.looked)
		}
	})
}
