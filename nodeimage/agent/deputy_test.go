package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/passport"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// clock stands still until it is moved. It is safe for concurrent use.
type clock struct {
	mu  sync.Mutex // guards the rest
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func deputySpec(name string) spec.NodeSpec {
	return spec.NodeSpec{Name: name, Field: &spec.FieldSpec{Deputy: true}}
}

// wire is a deputy's way to others, which can be cut.
type wire struct {
	*join.Client
	cut bool
}

func (w *wire) Presence(ctx context.Context, address string) (*spec.Presence, error) {
	if w.cut {
		return nil, errors.New("the cable is out")
	}
	return w.Client.Presence(ctx, address)
}

// testDeputy is the deputy of a machine whose agent does not run: the test goes from round to round.
type testDeputy struct {
	*deputy
	machine   *booted
	wire      *wire
	announced []string
}

// deputy makes a machine a deputy. Its port is open from the first kit on.
func (b *booted) deputy(t *testing.T, c *clock) *testDeputy {
	t.Helper()
	p, err := openProgress(b.config.Dir, nil, b.config.Joined)
	if err != nil {
		t.Fatal(err)
	}
	td := &testDeputy{machine: b, wire: &wire{Client: b.config.Client}}
	td.deputy, err = newDeputy(b.config, slog.New(slog.DiscardHandler), p, func() {
		td.announced = append(td.announced, fmt.Sprint(len(td.services())))
	})
	if err != nil {
		t.Fatal(err)
	}
	td.client, td.now, td.answer = td.wire, c.Now, c.Now()
	td.listen = func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
	t.Cleanup(td.close)
	return td
}

func (d *testDeputy) address() string { return fmt.Sprint("127.0.0.1:", d.port) }

// rounds lets each deputy do one round, in this order.
func rounds(t *testing.T, deputies ...*testDeputy) {
	t.Helper()
	for _, d := range deputies {
		d.round(t.Context())
		if d.trouble != "" {
			t.Errorf("%s: %s", d.presence().Name, d.trouble)
		}
	}
}

// admitting returns the names of those that admit machines.
func admitting(deputies ...*testDeputy) string {
	var names []string
	for _, d := range deputies {
		if p := d.presence(); p.Admits {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, " ")
}

// asksAt lets the machine know deputies, in this order, besides the server.
func (b *booted) asksAt(deputies ...*testDeputy) *booted {
	for _, d := range slices.Backward(deputies) {
		b.servers.Add(d.address())
	}
	return b
}

func testMACOf(n int) string { return fmt.Sprintf("52:54:00:00:00:%02x", n) }

// stop ends the server as a cut cable would: nobody is told.
func (w *world) cutOff(t *testing.T) {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
}

// roomWithDeputy is a world with the nodes pc01 to pc05, of which the first is a deputy with a kit.
func roomWithDeputy(t *testing.T) (*world, *clock, *testDeputy) {
	t.Helper()
	w := newWorld(t)
	step := spec.Step{ID: "motd", Type: "file", Config: []byte(`{}`)}
	w.put(t, deputySpec("pc01"), spec.NodeSpec{Name: "pc02"}, spec.NodeSpec{Name: "pc03", Steps: []spec.Step{step}},
		spec.NodeSpec{Name: "pc04", Steps: []spec.Step{step}}, spec.NodeSpec{Name: "pc05"})
	b := w.machine(t, testMACOf(1))
	b.join(t)
	c := newClock()
	d := b.deputy(t, c)
	rounds(t, d)
	if p := d.presence(); p.Name != "pc01" || !p.Ready || p.Admits {
		t.Fatalf("%+v", p)
	}
	return w, c, d
}

// report sends one as the machine's agent would.
func (b *booted) report(t *testing.T) error {
	t.Helper()
	stages := []spec.StageTime{{Stage: spec.StageJoined, At: time.Now().UTC()}}
	return b.config.Client.Report(t.Context(), spec.Report{MAC: b.config.Request.MAC, Token: b.config.Joined.Token, Boot: stages})
}

func TestDeputyStandsInForAServer(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	known := w.machine(t, testMACOf(2))
	known.join(t)
	rounds(t, d)
	known.asksAt(d)
	w.cutOff(t)
	c.pass(patience - time.Second)
	rounds(t, d)
	if admitting(d) != "" {
		t.Error("it has no patience")
	}
	if err := known.report(t); err == nil || errors.Is(err, join.ErrRefused) || !strings.Contains(err.Error(), "503") {
		t.Errorf("a deputy that leaves it to servers answers %v", err)
	}
	c.pass(time.Second)
	rounds(t, d)
	if admitting(d) != "pc01" || !slices.Equal(d.announced, []string{"1"}) {
		t.Fatalf("%q admits, announced %v", admitting(d), d.announced)
	}

	if err := known.report(t); err != nil {
		t.Errorf("a machine that the server let in: %v", err)
	}
	known.config.Request.BootID = strings.Replace(testBootID, "1", "7", 1)
	known.join(t)
	if name := known.config.Joined.Node.Name; name != "pc02" {
		t.Errorf("a node that started again is %s", name)
	}
	fresh := w.machine(t, testMACOf(3)).asksAt(d)
	key := fresh.traveller(t)
	if n := fresh.config.Joined.Node; n.Name != "pc03" || len(n.Steps) != 1 || n.Steps[0].ID != "motd" {
		t.Errorf("a new machine is %+v", n)
	}
	fresh.holds(t, key, fresh.config.Passport)
	who := spec.PassportRequest{MAC: testMACOf(3), Token: fresh.config.Joined.Token}
	renewed, err := fresh.config.Client.Passport(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	fresh.holds(t, key, renewed)
	if err := fresh.report(t); err != nil {
		t.Error(err)
	}

	w.start(t)
	rounds(t, d)
	if admitting(d) != "" || !slices.Equal(d.announced, []string{"1", "0"}) {
		t.Errorf("the server is back, and %q admits, announced %v", admitting(d), d.announced)
	}
	if m := w.seen(t, func(m spec.Machine) bool { return m.Node == "pc03" }); m.MAC != testMACOf(3) || m.Stage() != spec.StageJoined {
		t.Errorf("%+v", m)
	}
	for _, b := range []*booted{known, fresh, d.machine} {
		if err := b.report(t); err != nil {
			t.Errorf("%s at the server: %v", b.config.Joined.Node.Name, err)
		}
	}
	if _, err := fresh.config.Client.Passport(t.Context(), who); err != nil {
		t.Errorf("a passport of the server: %v", err)
	}
	rounds(t, d)
}

// What was decided on the server counts. The machine is told by its next report, and takes another name by itself.
func TestServersWordComesFirst(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	w.cutOff(t)
	c.pass(patience)
	rounds(t, d)
	b := w.machine(t, testMACOf(2)).asksAt(d)
	b.join(t)
	addr, ended := b.run(t, t.Context())
	w.start(t)
	other := w.machine(t, testMACOf(3))
	other.join(t)
	if b.config.Joined.Node.Name != "pc02" || other.config.Joined.Node.Name != "pc02" {
		t.Fatalf("%s, %s", b.config.Joined.Node.Name, other.config.Joined.Node.Name)
	}
	rounds(t, d)
	nudge(w.dial(t, addr))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was pc02 and is pc03 now") {
		t.Errorf("ended with %v", err)
	}
	if err := other.report(t); err != nil {
		t.Error(err)
	}
}

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

func TestOnlyDeputiesGetTheKit(t *testing.T) {
	w, _, d := roomWithDeputy(t)
	b := w.machine(t, testMACOf(2))
	b.join(t)
	proof := join.Proof{MAC: testMACOf(2), Token: b.config.Joined.Token}
	client := b.config.Client
	if k, err := client.Kit(t.Context(), w.joinAddr, proof, ""); k != nil || !errors.Is(err, join.ErrNoDeputy) || !strings.Contains(err.Error(), "403") {
		t.Errorf("a node that is no deputy: %v", err)
	}
	if err := client.HandOver(t.Context(), w.joinAddr, proof, spec.Handover{}); !errors.Is(err, join.ErrNoDeputy) {
		t.Errorf("a node that is no deputy: %v", err)
	}
	for _, token := range []string{"", "x", proof.Token} {
		if k, err := client.Kit(t.Context(), w.joinAddr, join.Proof{MAC: testMACOf(1), Token: token}, ""); k != nil || !errors.Is(err, join.ErrRefused) {
			t.Errorf("a deputy with the token %q: %v", token, err)
		}
	}
	proof = join.Proof{MAC: testMACOf(1), Token: d.machine.config.Joined.Token}
	k, err := client.Kit(t.Context(), w.joinAddr, proof, "")
	if err != nil || len(k.Machines) != 2 {
		t.Fatalf("%+v, %v", k, err)
	}
	if err := b.report(t); err != nil { // changes nothing that a deputy needs
		t.Fatal(err)
	}
	if same, err := client.Kit(t.Context(), w.joinAddr, proof, k.Tag); same != nil || err != nil {
		t.Errorf("it was sent again: %v", err)
	}
	w.put(t, spec.NodeSpec{Name: "pc06"})
	if other, err := client.Kit(t.Context(), w.joinAddr, proof, k.Tag); err != nil || len(other.Nodes) != 6 {
		t.Errorf("%+v, %v", other, err)
	}
}

func TestDeputyNoMore(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	address := d.address()
	w.put(t, spec.NodeSpec{Name: "pc01"})
	rounds(t, d)
	if d.presence().Ready || d.isOpen() || len(d.roster.Deputies()) > 0 {
		t.Error("it kept what only deputies know")
	}
	if _, err := d.wire.Presence(t.Context(), address); err == nil {
		t.Error("it can be asked still")
	}
	d = d.machine.deputy(t, c) // an agent after this one
	w.cutOff(t)
	c.pass(2 * patience)
	d.round(t.Context())
	d.round(t.Context())
	if d.presence().Ready || d.presence().Admits {
		t.Error("it admits machines")
	}
}

// The kit outlives the agent's process, not the boot.
func TestSecondAgentIsADeputyToo(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	w.cutOff(t)
	c.pass(patience)
	rounds(t, d)
	b := w.machine(t, testMACOf(2)).asksAt(d)
	b.join(t)
	d.close()
	d = d.machine.deputy(t, c)
	rounds(t, d)
	c.pass(patience)
	rounds(t, d)
	if err := b.asksAt(d).report(t); err != nil {
		t.Error(err)
	}
	w.start(t)
	rounds(t, d)
	if names := w.names(t); names != "pc01 pc02" {
		t.Errorf("the server knows %s", names)
	}
}

// A server that does not know the machine any more lets it join again first.
func TestDeputyWithoutItsServersTrust(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	w.forget(t, "pc01", spec.NodeSpec{Name: "pc99"})
	d.round(t.Context())
	if !strings.Contains(d.trouble, "401") {
		t.Errorf("%q", d.trouble)
	}
	w.cutOff(t)
	c.pass(patience)
	d.round(t.Context())
	if admitting(d) != "" {
		t.Error("it admits machines, though the server would not have it")
	}
}

func TestEarlierServersKitSignsNoPassports(t *testing.T) {
	k := &spec.Kit{}
	a := newAuthority()
	dir := t.TempDir()
	a.identify(t, dir)
	self, err := loadCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	k.Keys = self.keys
	if o, err := newOffice(a.cluster(), k); err != nil || o.issuer == nil {
		t.Errorf("%+v, %v", o, err)
	}
	k.Keys.Passport = ""
	if o, err := newOffice(a.cluster(), k); err != nil || o.issuer != nil {
		t.Errorf("%+v, %v", o, err)
	}
	k.Keys.TLS = ""
	if _, err := newOffice(a.cluster(), k); err == nil {
		t.Error("a kit without a certificate was taken")
	}
	k.Keys = self.keys
	k.Keys.Gossip = make([]byte, passport.GossipKeySize-1)
	if _, err := newOffice(a.cluster(), k); err == nil {
		t.Error("a kit with a short key was taken")
	}
}

// TestNodeIsADeputy runs the whole agent of a deputy.
func TestNodeIsADeputy(t *testing.T) {
	w := newWorld(t)
	w.put(t, deputySpec("pc01"))
	b := w.machine(t, testMAC)
	b.join(t)
	b.config.Join = listenLocal(t, "127.0.0.1:0")
	address := b.config.Join.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	addr, ended := b.run(t, ctx)
	p, err := b.config.Client.Presence(t.Context(), address)
	if err != nil || p.Name != "pc01" || !p.Deputy || !p.Ready || p.Admits {
		t.Errorf("%+v, %v", p, err)
	}
	var s spec.AgentStatus
	if _, err := ask(t, w.dial(t, addr), spec.OpStatus, nil, &s); err != nil || s.Name != "pc01" {
		t.Errorf("%+v, %v", s, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("it can be asked still")
	}
}
