package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/node"
	"viver/providers/object"
	"viver/providers/ssh"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

const image = spec.Digest("sha256:aaaa")

// room is a network with one server and machines, all on loopback. Machines are agents at addresses of their own, 127.0.1.x, with one
// port for all.
type room struct {
	t    *testing.T
	typ  *node.Type
	ca   *trust.Authority
	seed *sshtest.Server

	mu       sync.Mutex // guards what follows
	machines []spec.Machine
	watchers map[*sshtest.Call]bool
}

func newRoom(t *testing.T) *room {
	dir := t.TempDir()
	ca, err := trust.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, ca: ca, seed: sshtest.New(t, ca, "seed"), watchers: map[*sshtest.Call]bool{}}
	pool := new(ssh.Pool)
	t.Cleanup(func() { pool.Close() })
	r.typ = &node.Type{Agents: &agents.Agents{Dir: dir, Pool: pool, Port: r.port()}}
	r.seed.Handle(spec.OpNodePut, func(c *sshtest.Call) (any, error) {
		var n spec.NodeSpec
		if err := spec.Decode(c.Args, &n); err != nil {
			return nil, err
		}
		return r.find(n.Name), nil
	})
	r.seed.Handle(spec.OpNodeRemove, func(*sshtest.Call) (any, error) { return struct{}{}, nil })
	r.seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return append([]spec.Machine{}, r.machines...), nil
	})
	r.seed.Handle(spec.OpMachineWatch, func(c *sshtest.Call) (any, error) {
		r.mu.Lock()
		for _, m := range r.machines {
			c.Event(m)
		}
		r.watchers[c] = true
		r.mu.Unlock()
		<-c.Gone
		r.mu.Lock()
		delete(r.watchers, c)
		r.mu.Unlock()
		return nil, nil
	})
	return r
}

func (r *room) port() int {
	_, port, _ := net.SplitHostPort(r.seed.Addr)
	n, _ := strconv.Atoi(port)
	return n
}

func (r *room) find(name string) spec.Machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.machines {
		if m.Node == name {
			return m
		}
	}
	return spec.Machine{}
}

// now says how a machine is by now.
func (r *room) now(m spec.Machine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := false
	for i, old := range r.machines {
		if old.MAC == m.MAC {
			r.machines[i], known = m, true
		}
	}
	if !known {
		r.machines = append(r.machines, m)
	}
	for c := range r.watchers {
		c.Event(m)
	}
}

// machine is one that runs, as its server sees it, and its agent.
func (r *room) machine(name, address string) (spec.Machine, *sshtest.Server) {
	agent := sshtest.Serve(r.t, r.ca, name, net.JoinHostPort(address, strconv.Itoa(r.port())))
	agent.Handle(spec.OpStatus, func(*sshtest.Call) (any, error) { return spec.AgentStatus{Name: name}, nil })
	return spec.Machine{
		MAC: "52:54:00:00:00:01", Node: name, Address: address, Firmware: "uefi", BootID: "boot-1", Image: image, LastSeen: time.Now(),
		HostKey: strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(agent.HostKey))),
		Facts:   &spec.Facts{Cores: 4, Disks: []spec.Disk{{Name: "sda"}}},
		Boot:    []spec.StageTime{{Stage: spec.StageJoined, At: time.Now()}},
	}, agent
}

func object1(attrs map[string]cty.Value) cty.Value { return cty.ObjectVal(attrs) }

func (r *room) config(name, timeout string, extra map[string]cty.Value) cty.Value {
	attrs := map[string]cty.Value{
		"name": cty.StringVal(name), "timeout": cty.StringVal(timeout), "mac": cty.NullVal(cty.String),
		"boot": object1(map[string]cty.Value{
			"addr":   cty.StringVal("pac.boot"),
			"server": object1(map[string]cty.Value{"name": cty.StringVal("seed"), "address": cty.StringVal("127.0.0.1")}),
			"image":  object1(map[string]cty.Value{"id": cty.StringVal(string(image))}),
		}),
	}
	for k, v := range extra {
		attrs[k] = v
	}
	return object1(attrs)
}

// apply brings node.pc[0] about.
func (r *room) apply(name, timeout string, extra map[string]cty.Value, report func(resource.Progress)) (map[string]cty.Value, error) {
	return r.typ.Apply(r.t.Context(), resource.ApplyRequest{
		Addr: "node.pc[" + name + "]", Group: "node.pc", Config: r.config(name, timeout, extra), Report: report,
	})
}

func text(m map[string]cty.Value, name string) string { return object.String(object1(m), name) }

func TestApplyWaitsForTheMachine(t *testing.T) {
	r := newRoom(t)
	m, _ := r.machine("pc01", "127.0.1.1")
	stages := make(chan string, 20)
	go func() {
		for stage := range stages {
			early := m
			switch stage {
			case "": // nobody is there: a machine without a name begins to boot
				early.Node, early.Boot = "", []spec.StageTime{{Stage: spec.StageKernel}}
				r.now(early)
			case "kernel":
				early.Boot, early.Waiting = []spec.StageTime{{Stage: spec.StageRoot}}, "reading the root"
				r.now(early)
			case "root":
				r.now(m)
			}
		}
	}()
	var seen []string
	computed, err := r.apply("pc01", "20s", nil, func(p resource.Progress) {
		seen = append(seen, p.Stage+"/"+p.Detail)
		stages <- p.Stage
	})
	close(stages)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/waits for a machine to be switched on", "kernel/", "root/reading the root", "joined/"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{
		"address": "127.0.1.1", "mac_address": m.MAC, "boot_id": "boot-1", "host_key": m.HostKey, "firmware": "uefi",
		"server_name": "seed", "server_address": "127.0.0.1", "image_id": string(image), "group": "node.pc",
	} {
		if got := text(computed, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if object.Int(computed["facts"], "cores") != 4 {
		t.Errorf("facts: %#v", computed["facts"])
	}
	var put spec.NodeSpec
	if err := json.Unmarshal(r.seed.Asked()[0].Args, &put); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec.NodeSpec{Name: "pc01", Group: "node.pc", Image: image, KeepSteps: true}, put); diff != "" {
		t.Error(diff)
	}
}

func TestAdmissionIsTheNetworks(t *testing.T) {
	r := newRoom(t)
	m, _ := r.machine("pc01", "127.0.1.1")
	r.now(m)
	under := func(admission string) map[string]cty.Value {
		boot := r.config("pc01", "20s", nil).GetAttr("boot").AsValueMap()
		boot["network"] = object1(map[string]cty.Value{"addr": cty.StringVal("network.lab"), "admission": cty.StringVal(admission)})
		return map[string]cty.Value{"boot": object1(boot)}
	}
	known, err := r.apply("pc01", "20s", under("approve"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var put spec.NodeSpec
	if err := json.Unmarshal(r.seed.Asked()[0].Args, &put); err != nil || put.Admission != spec.AdmitApprove {
		t.Errorf("the server was told %+v, %v", put, err)
	}
	known["name"] = cty.StringVal("pc01")
	if _, document := node.Document(object1(known)); document.Admission != spec.AdmitApprove {
		t.Errorf("a step would tell the server %+v", document)
	}
	if _, err := r.apply("pc01", "20s", under("listed"), nil); err == nil || !strings.Contains(err.Error(), "network.lab admits listed machines only") {
		t.Errorf("no machine could ever come, but %v", err)
	}
	listed := under("listed")
	listed["mac"] = cty.StringVal(m.MAC)
	if _, err := r.apply("pc01", "20s", listed, nil); err != nil {
		t.Error(err)
	}
}

func TestApplyOfManySharesOneStream(t *testing.T) {
	r := newRoom(t)
	var all sync.WaitGroup
	names := []string{"pc01", "pc02", "pc03"}
	for i, name := range names {
		m, _ := r.machine(name, "127.0.1."+strconv.Itoa(i+1))
		m.MAC = "52:54:00:00:00:0" + strconv.Itoa(i+1)
		all.Go(func() {
			if _, err := r.apply(name, "20s", nil, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		time.AfterFunc(200*time.Millisecond, func() { r.now(m) })
	}
	all.Wait()
	watches := 0
	for _, q := range r.seed.Asked() {
		if q.Op == spec.OpMachineWatch {
			watches++
		}
	}
	if watches != 1 {
		t.Errorf("%d streams for %d nodes", watches, len(names))
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for want, prepare := range map[string]func(r *room) map[string]cty.Value{
		"no machine came within 300ms: is a machine switched on and set to boot from the network? (0 of 1 joined)": nil,
		"the machine 52:54:00:00:00:99 did not come": func(*room) map[string]cty.Value {
			return map[string]cty.Value{"mac": cty.StringVal("52:54:00:00:00:99")}
		},
		"has been in stage root for 0s: reading the root (0 of 1 joined)": func(r *room) map[string]cty.Value {
			m, _ := r.machine("pc01", "127.0.1.1")
			m.Boot, m.Waiting = []spec.StageTime{{Stage: spec.StageRoot}}, "reading the root"
			r.now(m)
			return nil
		},
		"is switched off: switch it on": func(r *room) map[string]cty.Value {
			m, _ := r.machine("pc01", "127.0.1.1")
			m.Boot = append(m.Boot, spec.StageTime{Stage: spec.StageLeft})
			r.now(m)
			return nil
		},
		"joined, but does not answer at 127.0.1.1": func(r *room) map[string]cty.Value {
			m, agent := r.machine("pc01", "127.0.1.1")
			agent.Close()
			r.now(m)
			return nil
		},
		"another host key": func(r *room) map[string]cty.Value {
			m, _ := r.machine("pc01", "127.0.1.1")
			m.HostKey = strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(r.seed.HostKey)))
			r.now(m)
			return nil
		},
		"is not well after 300ms: not running yet: sshd no such service": func(r *room) map[string]cty.Value {
			m, agent := r.machine("pc01", "127.0.1.1")
			agent.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
				c.Event(spec.StepResult{ID: "sshd", Status: spec.StepFailed, Output: "no such service"})
				return struct{}{}, nil
			})
			r.now(m)
			return map[string]cty.Value{"health": object1(map[string]cty.Value{"units": cty.ListVal([]cty.Value{cty.StringVal("sshd")})})}
		},
		`is no name of a machine`: func(*room) map[string]cty.Value { return map[string]cty.Value{"name": cty.StringVal("")} },
		`"aa" is no MAC address`:  func(*room) map[string]cty.Value { return map[string]cty.Value{"mac": cty.StringVal("aa")} },
		`pac.x has no output`: func(*room) map[string]cty.Value {
			return map[string]cty.Value{"boot": object1(map[string]cty.Value{"addr": cty.StringVal("pac.x")})}
		},
		`is no duration`: func(*room) map[string]cty.Value { return map[string]cty.Value{"timeout": cty.StringVal("soon")} },
	} {
		r := newRoom(t)
		var extra map[string]cty.Value
		if prepare != nil {
			extra = prepare(r)
		}
		_, err := r.apply("pc01", "300ms", extra, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestTwoOfOneName(t *testing.T) {
	r := newRoom(t)
	m, _ := r.machine("pc01", "127.0.1.1")
	r.now(m)
	if _, err := r.apply("pc01", "10s", nil, nil); err != nil {
		t.Fatal(err)
	}
	_, err := r.typ.Apply(t.Context(), resource.ApplyRequest{Addr: "node.other", Config: r.config("PC01", "10s", nil)})
	if err == nil || !strings.Contains(err.Error(), "node.pc[pc01] is called") {
		t.Error(err)
	}
}

func TestApplyWaitsForHealth(t *testing.T) {
	r := newRoom(t)
	m, agent := r.machine("pc01", "127.0.1.1")
	asked := 0
	agent.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
		asked++
		status := spec.StepDiffers
		if asked > 1 {
			status = spec.StepSame
		}
		c.Event(spec.StepResult{ID: "sshd", Status: status})
		return struct{}{}, nil
	})
	r.now(m)
	health := map[string]cty.Value{"health": object1(map[string]cty.Value{"units": cty.TupleVal([]cty.Value{cty.StringVal("sshd")})})}
	if _, err := r.apply("pc01", "20s", health, nil); err != nil || asked != 2 {
		t.Errorf("%v after %d questions", err, asked)
	}
}

func (r *room) prior(name string, changes map[string]string) cty.Value {
	attrs := map[string]cty.Value{"addr": cty.StringVal("node.pc"), "boot": cty.StringVal("pac.boot")}
	for k, v := range map[string]string{
		"name": name, "server_name": "seed", "server_address": "127.0.0.1", "image_id": string(image), "group": "node.pc", "boot_id": "boot-1",
	} {
		attrs[k] = cty.StringVal(v)
	}
	for k, v := range changes {
		attrs[k] = cty.StringVal(v)
	}
	return object1(attrs)
}

func TestRead(t *testing.T) {
	r := newRoom(t)
	here, _ := r.machine("here", "127.0.1.1")
	rebooted, _ := r.machine("rebooted", "127.0.1.2")
	former, _ := r.machine("former", "127.0.1.3")
	booting, left, mute := here, here, here
	former.MAC, former.Image = "6", spec.DigestOf([]byte("former"))
	rebooted.MAC, rebooted.BootID = "2", "boot-2"
	booting.MAC, booting.Node, booting.Boot = "3", "booting", []spec.StageTime{{Stage: spec.StageInit}}
	left.MAC, left.Node, left.Boot = "4", "left", []spec.StageTime{{Stage: spec.StageLeft}}
	mute.MAC, mute.Node, mute.HostKey = "5", "mute", strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(r.seed.HostKey)))
	for _, m := range []spec.Machine{here, rebooted, former, booting, left, mute} {
		r.now(m)
	}
	want := []struct {
		name   string
		status resource.ObservedStatus
		reason string
	}{
		{"here", resource.Present, ""},
		{"rebooted", resource.Present, ""},
		{"former", resource.Present, "runs its former image until it reboots"},
		{"booting", resource.Drifted, "it is booting, in stage init"},
		{"left", resource.Unreachable, "it is switched off"},
		{"mute", resource.Unreachable, "another host key"},
		{"nobody", resource.Absent, "no machine has its name"},
	}
	var requests []resource.ReadRequest
	for _, w := range want {
		requests = append(requests, resource.ReadRequest{Addr: "node." + w.name, Prior: r.prior(w.name, nil)})
	}
	got := r.typ.Read(t.Context(), requests)
	for i, w := range want {
		if got[i].Status != w.status || !strings.Contains(got[i].Reason, w.reason) {
			t.Errorf("%s: %+v", w.name, got[i])
		}
	}
	if text(got[1].Computed, "boot_id") != "boot-2" || text(got[1].Computed, "address") != "127.0.1.2" {
		t.Errorf("%#v", got[1].Computed)
	}
	if n := len(r.seed.Asked()); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
	r.seed.Close()
	if got := r.typ.Read(t.Context(), requests[:1]); got[0].Status != resource.Drifted || !strings.Contains(got[0].Reason, "agent does not run") {
		t.Errorf("%+v", got)
	}
}

func TestDestroySwitchesOffAndForgets(t *testing.T) {
	r := newRoom(t)
	m, agent := r.machine("pc01", "127.0.1.1")
	r.now(m)
	agent.Handle(spec.OpPowerOff, func(*sshtest.Call) (any, error) {
		time.AfterFunc(100*time.Millisecond, agent.Drop)
		return struct{}{}, nil
	})
	// Its kernel answers for a while after its agent has ended.
	knocks := 0
	r.typ.Answers = func(_ context.Context, address string) bool {
		if address != m.Address {
			t.Errorf("asked at %s", address)
		}
		knocks++
		return knocks == 1 || knocks == 3
	}
	for range 2 { // the second time it does not answer any more
		if err := r.typ.Destroy(t.Context(), resource.DestroyRequest{Prior: r.prior("pc01", nil), Force: true}); err != nil {
			t.Fatal(err)
		}
		asked := r.seed.Asked()
		if last := asked[len(asked)-1]; last.Op != spec.OpNodeRemove || string(last.Args) != `{"name":"pc01"}` {
			t.Errorf("%s %s", last.Op, last.Args)
		}
		r.mu.Lock()
		r.machines = nil
		r.mu.Unlock()
	}
	if asked := agent.Asked(); string(asked[0].Args) != `{"force":true}` {
		t.Errorf("the machine was told %s", asked[0].Args)
	}
	if n := len(agent.Asked()); n != 1 || knocks != 5 {
		t.Errorf("the machine was asked %d times, its kernel %d times", n, knocks)
	}
}

func TestDestroySaysWhoRefuses(t *testing.T) {
	r := newRoom(t)
	m, agent := r.machine("pc01", "127.0.1.1")
	r.now(m)
	agent.Handle(spec.OpPowerOff, func(c *sshtest.Call) (any, error) {
		c.Send(spec.Reply{Progress: "hands over what it holds"})
		return nil, errors.New("somebody works here")
	})
	var said []string
	err := r.typ.Destroy(t.Context(), resource.DestroyRequest{
		Prior: r.prior("pc01", nil), Report: func(p resource.Progress) { said = append(said, p.Detail) },
	})
	if err == nil || !strings.Contains(err.Error(), "somebody works here") || !slices.Equal(said, []string{"powering off", "hands over what it holds"}) {
		t.Error(err, said)
	}
	for _, q := range r.seed.Asked() {
		if q.Op == spec.OpNodeRemove {
			t.Error("it was forgotten while it runs")
		}
	}
}
