package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// fakeInit is an init that comes up when it is told to.
type fakeInit struct{ started, up chan struct{} }

func newFakeInit() fakeInit { return fakeInit{make(chan struct{}), make(chan struct{})} }

// ready is an init that has come up already.
func ready() fakeInit {
	i := newFakeInit()
	close(i.started)
	close(i.up)
	return i
}

func (f fakeInit) Started(ctx context.Context) error { return waitFor(ctx, f.started) }
func (f fakeInit) Up(ctx context.Context) error      { return waitFor(ctx, f.up) }

func waitFor(ctx context.Context, c chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// booted is a machine that has joined and is about to run its agent.
type booted struct {
	config  NodeConfig
	leaving chan struct{}
	steps   *fakeSteps
	servers *join.Servers
}

// boot puts a node on the server and lets a machine join as it.
func (w *world) boot(t *testing.T, steps ...spec.Step) *booted {
	t.Helper()
	w.put(t, spec.NodeSpec{Name: "pc01", Steps: steps})
	b := w.machine(t, testMAC)
	b.join(t)
	return b
}

// put makes the server want nodes with the test's image.
func (w *world) put(t *testing.T, nodes ...spec.NodeSpec) {
	t.Helper()
	_, image, _ := image()
	for _, n := range nodes {
		n.Image = image
		if _, err := ask(t, w.operator, spec.OpNodePut, n, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// machine is one that has not joined yet.
func (w *world) machine(t *testing.T, mac string) *booted {
	t.Helper()
	_, image, _ := image()
	bundle := &spec.Bundle{Version: 1, Cluster: w.cluster(), Trust: w.trust(), Image: image, Servers: []spec.Server{{Name: "seed", Join: w.joinAddr}}}
	servers := join.NewServers(w.joinAddr)
	client, err := join.New(bundle, servers.List)
	if err != nil {
		t.Fatal(err)
	}
	key := must(ssh.NewSignerFromKey(newKey()))
	b := &booted{leaving: make(chan struct{}), steps: new(fakeSteps), servers: servers}
	b.config = NodeConfig{
		Version: "test", Dir: t.TempDir(), Root: "/", Bundle: bundle, HostKey: key, Client: client, Steps: b.steps, Init: ready(),
		Request: spec.JoinRequest{
			Cluster: w.cluster(), MAC: mac, Address: "127.0.0.1", Firmware: "uefi", BootID: testBootID, Image: image,
			HostKey: authorizedKey(key.PublicKey()), Boot: []spec.StageTime{{Stage: spec.StageNetwork, At: time.Now().UTC()}},
		},
		BytesRead: func() int64 { return 42 }, Leaving: b.leaving, Unit: unitProcess, Interfaces: nowhere,
	}
	return b
}

// join lets the machine join.
func (b *booted) join(t *testing.T) {
	t.Helper()
	request := func() spec.JoinRequest { return b.config.Request }
	response, err := b.config.Client.Join(t.Context(), request, func(reason string) { t.Errorf("put off: %s", reason) })
	if err != nil {
		t.Fatal(err)
	}
	b.config.Passport, response.Passport = response.Passport, nil
	b.config.Joined = *response
}

// run runs the node's agent, and returns its SSH address and a channel with its end.
func (b *booted) run(t *testing.T, ctx context.Context) (addr string, ended chan error) {
	t.Helper()
	b.config.SSH, b.config.Metrics = listenLocal(t, "127.0.0.1:0"), listenLocal(t, "127.0.0.1:0")
	ended = make(chan error, 1)
	go func() { ended <- RunNode(ctx, b.config) }()
	return b.config.SSH.Addr().String(), ended
}

// seen watches the server until the machine is as wanted.
func (w *world) seen(t *testing.T, wanted func(spec.Machine) bool) spec.Machine {
	t.Helper()
	c := begin(t, w.operator, request(spec.OpMachineWatch, nil))
	defer c.Close()
	for {
		r := c.next(t)
		if r.Event == nil {
			t.Fatalf("the watch ended: %+v", r)
		}
		if m := decode[spec.Machine](t, r.Event); wanted(m) {
			return m
		}
	}
}

func at(s spec.Stage) func(spec.Machine) bool {
	return func(m spec.Machine) bool { return m.Stage() == s }
}

func TestNodeComesUpAndLeaves(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t, spec.Step{ID: "motd", Type: "file"})
	init := newFakeInit()
	b.config.Init = init
	addr, ended := b.run(t, t.Context())
	operator := w.dial(t, addr) // before init is up

	close(init.started)
	w.seen(t, at(spec.StageInit))
	close(init.up)
	m := w.seen(t, at(spec.StageJoined))
	if m.Node != "pc01" || m.BytesRead != 42 || len(m.Steps) != 1 || m.Steps[0].Status != spec.StepChanged || m.HostKey != b.config.Request.HostKey {
		t.Errorf("%+v", m)
	}
	var s spec.AgentStatus
	if _, err := ask(t, operator, spec.OpStatus, nil, &s); err != nil {
		t.Fatal(err)
	}
	if s.Name != "pc01" || s.Stage != spec.StageJoined || s.BootID != testBootID || s.BytesRead != 42 {
		t.Errorf("%+v", s)
	}
	refused(t, operator, spec.OpNodePut, spec.NodeSpec{}, "does not serve")

	events, err := ask(t, operator, spec.OpSteps, spec.StepRun{Mode: "apply", Steps: []spec.Step{{ID: "more", Type: "secret"}}}, nil)
	if err != nil || len(events) != 1 || !strings.Contains(string(events[0]), "s3cret") {
		t.Fatalf("%s %v", events, err)
	}
	m = w.seen(t, func(m spec.Machine) bool { return len(m.Steps) == 2 })
	if m.Steps[1].ID != "more" || m.Steps[1].Output != "" {
		t.Errorf("the server was told %+v", m.Steps[1])
	}

	close(b.leaving)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.seen(t, at(spec.StageLeft))
}

func TestNodeStartsItsUnits(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	b.config.Joined.Node.Units = []spec.UnitSpec{
		{Name: "good", Type: "test", Config: []byte(`""`)}, {Name: "bad", Type: "test", Config: []byte(`"port 67 is in use"`)},
	}
	addr, _ := b.run(t, t.Context())
	if m := w.seen(t, at(spec.StageJoined)); !strings.Contains(m.Waiting, "unit bad: ") || !strings.Contains(m.Waiting, "port 67 is in use") {
		t.Errorf("it waits for %q", m.Waiting)
	}
	var s spec.AgentStatus
	if _, err := ask(t, w.dial(t, addr), spec.OpStatus, nil, &s); err != nil || len(s.Units) != 2 || s.Units[0].State != spec.UnitReady {
		t.Errorf("%+v, %v", s.Units, err)
	}
}

func TestFailedStepIsReportedAndMended(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t, spec.Step{ID: "bad", Type: "fail"})
	addr, _ := b.run(t, t.Context())
	m := w.seen(t, at(spec.StageJoined))
	if m.Waiting != "step bad failed" || len(m.Steps) != 1 || m.Steps[0].Status != spec.StepFailed {
		t.Errorf("%+v", m)
	}
	if _, err := ask(t, w.dial(t, addr), spec.OpSteps, spec.StepRun{Mode: "apply", Steps: []spec.Step{{ID: "bad", Type: "file"}}}, nil); err != nil {
		t.Fatal(err)
	}
	m = w.seen(t, func(m spec.Machine) bool { return m.Waiting == "" && m.Steps[0].Status == spec.StepChanged })
	if len(m.Steps) != 1 {
		t.Errorf("%+v", m.Steps)
	}
}

func TestManyLongResultsAreReported(t *testing.T) {
	w := newWorld(t)
	steps := make([]spec.Step, 50)
	for i := range steps {
		steps[i] = spec.Step{ID: fmt.Sprint(i), Type: "print"}
	}
	b := w.boot(t)
	addr, _ := b.run(t, t.Context())
	w.seen(t, at(spec.StageJoined))
	if _, err := ask(t, w.dial(t, addr), spec.OpSteps, spec.StepRun{Mode: "apply", Steps: steps}, nil); err != nil {
		t.Fatal(err)
	}
	m := w.seen(t, func(m spec.Machine) bool { return len(m.Steps) == len(steps) })
	if n := len(m.Steps[0].Output); n != maxOutput {
		t.Errorf("%d bytes of output", n)
	}
}

func TestSecondAgentOfABootTakesNoStepTwice(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t, spec.Step{ID: "motd", Type: "file"})
	ctx, cancel := context.WithCancel(t.Context())
	_, ended := b.run(t, ctx)
	first := w.seen(t, at(spec.StageJoined))
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.config.BytesRead = func() int64 { return 43 }
	b.run(t, t.Context())
	second := w.seen(t, func(m spec.Machine) bool { return m.BytesRead == 43 && len(m.Steps) == 1 })
	if b.steps.runs() != 1 || !slices.Equal(first.Boot, second.Boot) {
		t.Errorf("steps ran %d times; stages %v, then %v", b.steps.runs(), first.Boot, second.Boot)
	}
}

func TestJoinRefusesOverHTTPS(t *testing.T) {
	w := newWorld(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}}}
	if _, err := client.Post("https://"+w.joinAddr+spec.PathJoin, "", nil); err == nil {
		t.Error("TLS 1.2 was taken")
	}
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer client.CloseIdleConnections()
	for name, c := range map[string]struct {
		path, body string
		want       int
	}{
		"no JSON":        {spec.PathJoin, "x", http.StatusBadRequest},
		"too much":       {spec.PathJoin, `{"cluster":"` + strings.Repeat("x", maxJoin) + `"}`, http.StatusBadRequest},
		"other cluster":  {spec.PathJoin, `{"cluster":"x"}`, http.StatusForbidden},
		"bad MAC":        {spec.PathJoin, `{"cluster":"` + w.cluster() + `"}`, http.StatusBadRequest},
		"no token":       {spec.PathReport, `{"mac":"` + testMAC + `","token":""}`, http.StatusForbidden},
		"unknown fields": {spec.PathReport, `{"root":"please"}`, http.StatusBadRequest},
		"other path":     {"/", "", http.StatusNotFound},
	} {
		response, err := client.Post("https://"+w.joinAddr+c.path, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", name, response.Status, c.want)
		}
	}
}

func TestFullDiskIsSaid(t *testing.T) {
	w := newWorld(t)
	// The file cannot be replaced while a folder is in its place.
	if err := os.MkdirAll(filepath.Join(w.dir, "roster.json", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, w.operator, spec.OpNodePut, spec.NodeSpec{Name: "pc01"}, "roster: save")
	if err := os.RemoveAll(filepath.Join(w.dir, "roster.json")); err != nil {
		t.Fatal(err)
	}
}

func TestPowerOffRunsTheDistributions(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: chroot")
	}
	w := newWorld(t)
	b := w.boot(t)
	b.config.Root = t.TempDir()
	addr, _ := b.run(t, t.Context())
	refused(t, w.dial(t, addr), spec.OpPowerOff, nil, "poweroff") // this root has no programs
	if m := w.seen(t, func(spec.Machine) bool { return true }); m.Stage() == spec.StageLeft {
		t.Error("it did not go down, but said that it left")
	}
}

func TestUpOfInits(t *testing.T) {
	root := t.TempDir()
	d := distribution{root}
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if d.isOpenRC() || isSystemd(root) {
		t.Error("an empty root has an init")
	}
	for _, c := range []struct {
		level string
		up    bool
	}{{"", false}, {"sysinit\n", false}, {"boot\n", false}, {"default\n", true}} {
		write("run/openrc/softlevel", c.level)
		if !d.isOpenRC() || d.openRCUp() != c.up {
			t.Errorf("level %q: up %v", c.level, d.openRCUp())
		}
	}
	write("run/openrc/rc.starting/x", "")
	if d.openRCUp() {
		t.Error("it is up while its runlevel changes")
	}
}
