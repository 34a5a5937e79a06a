package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	progress  *progress
	announced []string
}

// deputy makes a machine a deputy. Its port is open from the first kit on.
func (b *booted) deputy(t *testing.T, c *clock) *testDeputy {
	t.Helper()
	p, err := openProgress(b.config.Dir, nil, b.config.Joined)
	if err != nil {
		t.Fatal(err)
	}
	td := &testDeputy{machine: b, wire: &wire{Client: b.config.Client}, progress: p}
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
	_, err := b.config.Client.Report(t.Context(), spec.Report{MAC: b.config.Request.MAC, Token: b.config.Joined.Token, Boot: stages})
	return err
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
	operator := w.dial(t, addr)
	w.start(t)
	other := w.machine(t, testMACOf(3))
	other.join(t)
	if b.config.Joined.Node.Name != "pc02" || other.config.Joined.Node.Name != "pc02" {
		t.Fatalf("%s, %s", b.config.Joined.Node.Name, other.config.Joined.Node.Name)
	}
	rounds(t, d)
	nudge(operator)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "was pc02 and is pc03 now") {
		t.Errorf("ended with %v", err)
	}
	if err := other.report(t); err != nil {
		t.Error(err)
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

	// Spoilt files are no reason to be no agent at all.
	for _, name := range []string{"deputy.json", "roster.json"} {
		d.close()
		if err := os.WriteFile(filepath.Join(d.machine.config.Dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if d = d.machine.deputy(t, c); d.presence().Ready {
			t.Errorf("a spoilt %s was taken", name)
		}
		rounds(t, d)
		if !d.presence().Ready || len(d.roster.Deputies()) != 1 {
			t.Errorf("without its %s it is no deputy any more", name)
		}
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

// A server that lost what it knew learns it from the deputy, once that has joined again.
func TestServerThatWasSetUpAnew(t *testing.T) {
	w, c, d := roomWithDeputy(t)
	w.cutOff(t)
	c.pass(patience)
	rounds(t, d)
	two, three := w.machine(t, testMACOf(2)).asksAt(d), w.machine(t, testMACOf(3)).asksAt(d)
	two.join(t)
	three.join(t)
	if err := os.Remove(filepath.Join(w.dir, "roster.json")); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	d.round(t.Context())
	if admitting(d) != "" || !strings.Contains(d.trouble, "401") {
		t.Errorf("a server is there, and %q admits; %q", admitting(d), d.trouble)
	}
	w.put(t, deputySpec("pc01"), spec.NodeSpec{Name: "pc02"}, spec.NodeSpec{Name: "pc03"})
	d.machine.join(t)
	if err := d.progress.answered(d.machine.config.Joined); err != nil {
		t.Fatal(err)
	}
	rounds(t, d)
	if names := w.names(t); names != "pc01 pc02 pc03" {
		t.Errorf("the server knows %s", names)
	}
	if err := errors.Join(two.report(t), three.report(t)); err != nil {
		t.Error(err)
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
