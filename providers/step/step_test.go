package step_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
	"viver/providers/ssh"
	"viver/providers/ssh/sshtest"
	"viver/providers/step"
	"viver/providers/trust"
)

// room is a server and one node, as their agents.
type room struct {
	*testing.T
	types      map[string]resource.Type
	seed, node *sshtest.Server
	machine    cty.Value
}

func obj(pairs ...any) cty.Value {
	attrs := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		v, ok := pairs[i+1].(cty.Value)
		if !ok {
			v = cty.StringVal(pairs[i+1].(string))
		}
		attrs[pairs[i].(string)] = v
	}
	return cty.ObjectVal(attrs)
}

func authorizedKey(key cryptossh.PublicKey) string {
	return strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(key)))
}

func newRoom(t *testing.T) *room {
	dir := t.TempDir()
	ca, err := trust.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	pool := new(ssh.Pool)
	t.Cleanup(func() { pool.Close() })
	r := &room{T: t, seed: sshtest.New(t, ca, "seed"), types: map[string]resource.Type{}}
	_, port, _ := net.SplitHostPort(r.seed.Addr)
	number, _ := strconv.Atoi(port)
	r.node = sshtest.Serve(t, ca, "pc01", net.JoinHostPort("127.0.2.1", port))
	for _, typ := range step.Types(&step.Machines{Agents: &agents.Agents{Dir: dir, Pool: pool, Port: number}, Patience: 300 * time.Millisecond}) {
		r.types[typ.Name()] = typ
	}
	r.machine = r.nodeObject(r.node.HostKey)
	r.seed.Handle(spec.OpNodePut, func(*sshtest.Call) (any, error) { return spec.Machine{}, nil })
	r.seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		return []spec.Machine{{MAC: "1", Node: "pc01", Address: "127.0.2.1", HostKey: authorizedKey(r.node.HostKey)}}, nil
	})
	return r
}

func (r *room) nodeObject(key cryptossh.PublicKey) cty.Value {
	return obj("kind", "node", "addr", "node.pc[0]", "name", "pc01", "mac", cty.NullVal(cty.String), "address", "127.0.2.1", "host_key", authorizedKey(key),
		"group", "node.pc", "image_id", "sha256:aa", "server_name", "seed", "server_address", "127.0.0.1")
}

// answers has the node answer each step in the given way, and the rest as skipped after a failure.
func (r *room) answers(by map[string]spec.StepResult) {
	r.node.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
		var run spec.StepRun
		if err := spec.Decode(c.Args, &run); err != nil {
			return nil, err
		}
		failed := false
		for _, s := range run.Steps {
			result := by[s.ID]
			result.ID = s.ID
			if failed {
				result = spec.StepResult{ID: s.ID, Status: spec.StepSkipped}
			}
			failed = failed || result.Status == spec.StepFailed
			c.Event(result)
		}
		return struct{}{}, nil
	})
}

func member(addr string, position int, action resource.Action) resource.Member {
	config := obj("path", "/etc/"+addr, "content", addr)
	return resource.Member{Addr: addr, Type: "file", Action: action, Position: position, Config: config, Prior: config}
}

func (r *room) batch(b resource.Batch) (order []string, ends map[string]error) {
	b.Machine = r.machine
	ends = map[string]error{}
	r.types["step.file"].(resource.Batcher).ApplyBatch(r.Context(), b, func(i int, _ map[string]cty.Value, err error) {
		order = append(order, b.Members[i].Addr)
		ends[b.Members[i].Addr] = err
	})
	return order, ends
}

// put are the steps that the server was last told.
func (r *room) put() (spec.NodeSpec, []string) {
	asked := r.seed.Asked()
	if len(asked) == 0 {
		return spec.NodeSpec{}, nil
	}
	var n spec.NodeSpec
	if err := json.Unmarshal(asked[len(asked)-1].Args, &n); err != nil {
		r.Fatal(err)
	}
	var ids []string
	for _, s := range n.Steps {
		ids = append(ids, s.ID)
	}
	return n, ids
}

func TestServerIsToldWhatIsInPlace(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{
		"a": {Status: spec.StepChanged}, "c": {Status: spec.StepSame}, "d": {Status: spec.StepFailed, Output: "disk full"}, "gone": {Status: spec.StepUndone},
	})
	order, ends := r.batch(resource.Batch{
		Members: []resource.Member{member("gone", 9, resource.Delete), member("a", 1, resource.Create), member("c", 3, resource.Update), member("d", 4, resource.Create), member("e", 5, resource.Create)},
		Kept:    []resource.Member{member("b", 2, resource.NoOp), member("z", 8, resource.NoOp)},
	})
	if diff := cmp.Diff([]string{"gone", "a", "c", "d", "e"}, order); diff != "" {
		t.Error(diff)
	}
	if ends["gone"] != nil || ends["a"] != nil || ends["c"] != nil || fmt.Sprint(ends["d"]) != "disk full" || !errors.Is(ends["e"], resource.ErrSkipped) {
		t.Error(ends)
	}
	n, ids := r.put()
	if diff := cmp.Diff([]string{"a", "b", "c", "z"}, ids); diff != "" {
		t.Error(diff)
	}
	n.Steps = nil
	if diff := cmp.Diff(spec.NodeSpec{Name: "pc01", Group: "node.pc", Image: "sha256:aa", KeepField: true}, n); diff != "" {
		t.Error(diff)
	}
	if modes := len(r.node.Asked()); modes != 2 {
		t.Errorf("%d requests for one undo and one apply", modes)
	}
}

func TestStepThatTheServerWasNotToldOf(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepChanged}, "b": {Status: spec.StepChanged}})
	r.seed.Handle(spec.OpNodePut, func(*sshtest.Call) (any, error) { return nil, errors.New("disk full") })
	_, ends := r.batch(resource.Batch{Members: []resource.Member{member("a", 1, resource.Create), member("b", 2, resource.Create)}})
	if ends["a"] != nil || ends["b"] == nil || !strings.Contains(ends["b"].Error(), "at its next boot: disk full") {
		t.Error(ends)
	}
}

func TestNodeThatBootedAgainIsFound(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepChanged}})
	r.machine = r.nodeObject(r.seed.HostKey) // the key of another boot
	if _, ends := r.batch(resource.Batch{Members: []resource.Member{member("a", 1, resource.Create)}}); ends["a"] != nil {
		t.Error(ends)
	}
	prior := obj("addr", "a", "path", "/etc/a", "content", "a", "on", r.machine)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepDiffers, Diff: "create"}})
	got := r.types["step.file"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{{Addr: "a", Prior: prior}})
	if got[0].Status != resource.Drifted || got[0].Reason != "create" {
		t.Errorf("%+v", got)
	}
}

func TestNodeThatDies(t *testing.T) {
	r := newRoom(t)
	r.node.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
		c.Event(spec.StepResult{ID: "a", Status: spec.StepChanged})
		r.node.Drop()
		<-c.Gone
		return nil, nil
	})
	_, ends := r.batch(resource.Batch{Members: []resource.Member{member("a", 1, resource.Create), member("b", 2, resource.Create), member("c", 3, resource.Create)}})
	if ends["a"] != nil || ends["b"] == nil || !errors.Is(ends["c"], resource.ErrUnreached) {
		t.Error(ends)
	}
	if _, ids := r.put(); !cmp.Equal(ids, []string{"a"}) {
		t.Error(ids)
	}
}

func TestImagesAreForServers(t *testing.T) {
	r := newRoom(t)
	m := resource.Member{Addr: "i", Type: "image", Action: resource.Create, Config: obj("image", obj("id", "sha256:aa"))}
	if _, ends := r.batch(resource.Batch{Members: []resource.Member{m}}); ends["i"] == nil || !strings.Contains(ends["i"].Error(), "acts on a server") {
		t.Error(ends)
	}
}

func TestUnitsOnANode(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepChanged}})
	var put []spec.UnitSpec
	r.node.Handle(spec.OpUnitPut, func(c *sshtest.Call) (any, error) {
		var u spec.UnitSpec
		err := spec.Decode(c.Args, &u)
		put = append(put, u)
		return spec.UnitStatus{Name: u.Name, State: spec.UnitReady, Detail: "on eth0"}, err
	})
	r.node.Handle(spec.OpUnitRemove, func(*sshtest.Call) (any, error) { return spec.UnitStatus{}, nil })
	unit := func(addr string, position int, action resource.Action) resource.Member {
		config := obj("unit", "dhcp", "config", obj("interface", addr))
		return resource.Member{Addr: addr, Type: "unit", Action: action, Position: position, Config: config, Prior: config}
	}
	_, ends := r.batch(resource.Batch{
		Members: []resource.Member{unit("gone", 9, resource.Delete), member("a", 1, resource.Create), unit("new", 3, resource.Create)},
		Kept:    []resource.Member{unit("kept", 2, resource.NoOp)},
	})
	for addr, err := range ends {
		if err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	document := func(name string) spec.UnitSpec {
		return spec.UnitSpec{Name: name, Type: "dhcp", Config: json.RawMessage(`{"interface":"` + name + `"}`)}
	}
	if diff := cmp.Diff([]spec.UnitSpec{document("new")}, put); diff != "" {
		t.Error(diff)
	}
	n, ids := r.put()
	if diff := cmp.Diff([]spec.UnitSpec{document("kept"), document("new")}, n.Units); diff != "" || !cmp.Equal(ids, []string{"a"}) {
		t.Errorf("the server was told of the steps %q and of other units: %s", ids, diff)
	}

	r.node.Handle(spec.OpStatus, func(*sshtest.Call) (any, error) {
		return spec.AgentStatus{Units: []spec.UnitStatus{{Name: "new", State: spec.UnitFailed, Detail: "port 67 is in use"}}}, nil
	})
	request := func(addr string) resource.ReadRequest {
		return resource.ReadRequest{Addr: addr, Prior: obj("addr", addr, "unit", "dhcp", "on", r.machine)}
	}
	got := r.types["step.unit"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{request("kept"), request("new")})
	if got[0].Status != resource.Absent || got[1].Status != resource.Drifted || got[1].Reason != "failed: port 67 is in use" {
		t.Errorf("%+v", got)
	}
}

// A machine that is off has none of its steps; its server must forget them all the same.
func TestStepsOfAMachineThatIsOffAreTakenAway(t *testing.T) {
	r := newRoom(t)
	r.node.Close()
	_, ends := r.batch(resource.Batch{
		Members: []resource.Member{member("a", 1, resource.Delete)}, Kept: []resource.Member{member("b", 2, resource.NoOp)},
	})
	if ends["a"] != nil {
		t.Error(ends)
	}
	if _, ids := r.put(); !cmp.Equal(ids, []string{"b"}) {
		t.Error(ids)
	}
}

func TestReadWithSecrets(t *testing.T) {
	r := newRoom(t)
	var checked []string
	r.node.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
		var run spec.StepRun
		if err := spec.Decode(c.Args, &run); err != nil {
			return nil, err
		}
		for _, s := range run.Steps {
			checked = append(checked, s.ID+" "+string(s.Config))
			c.Event(spec.StepResult{ID: s.ID, Status: spec.StepFailed, Output: "first\nno such user"})
		}
		return struct{}{}, nil
	})
	digest := "hmac-sha256:00"
	request := func(addr string, config cty.Value) resource.ReadRequest {
		return resource.ReadRequest{Addr: addr, Config: config, Prior: obj("addr", addr, "path", "/etc/"+addr, "content", digest, "on", r.machine)}
	}
	got := r.types["step.file"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{
		request("declared", obj("path", "/elsewhere", "content", "s3cret")), request("removed", cty.NullVal(cty.DynamicPseudoType)),
	})
	if diff := cmp.Diff([]string{`declared {"content":"s3cret","path":"/etc/declared"}`}, checked); diff != "" {
		t.Error(diff)
	}
	if got[0].Status != resource.Drifted || got[0].Reason != "it cannot be checked: no such user" || got[1].Status != resource.Present {
		t.Errorf("%+v", got)
	}
}

func TestFactThatChanged(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepSame, Output: "8"}})
	prior := obj("addr", "a", "run", "nproc", "value", "4", "on", r.machine)
	got := r.types["step.fact"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{{Addr: "a", Prior: prior}})
	if got[0].Status != resource.Present || object.String(got[0].Computed["value"]) != "8" {
		t.Errorf("%+v", got)
	}
}

// State has only a digest of a secret: whoever plans has to be told it each time.
func TestSecretIsToldAgain(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepSame, Output: "s3cret"}})
	prior := obj("addr", "a", "run", "cat key", "value", "hmac-sha256:00", "on", r.machine)
	got := r.types["step.secret"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{{Addr: "a", Prior: prior}})
	if got[0].Status != resource.Present || object.String(got[0].Computed["value"]) != "s3cret" {
		t.Errorf("%+v", got)
	}
	if a := r.types["step.secret"].Schema().Attributes["value"]; !a.Sensitive || !a.Computed {
		t.Errorf("%+v", a)
	}
}

// A value is what a fact finds out, and what a setting of the kernel is given.
func TestDocuments(t *testing.T) {
	for stepType, c := range map[string]struct {
		config cty.Value
		want   string
	}{
		"sysctl": {obj("name", "vm.swappiness", "value", "10"), `{"name":"vm.swappiness","value":"10"}`},
		"fact":   {obj("run", "nproc", "value", "8"), `{"run":"nproc"}`},
		"user": {
			cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("ada"), "uid": cty.NumberIntVal(2000), "home": cty.NullVal(cty.String)}),
			`{"name":"ada","uid":2000}`,
		},
	} {
		if got, err := step.Document("a", stepType, c.config); err != nil || string(got.Config) != c.want {
			t.Errorf("%s: %s, %v", stepType, got.Config, err)
		}
	}
}

// What a check cannot tell is no drift.
func TestReadThatCannotTell(t *testing.T) {
	r := newRoom(t)
	r.answers(map[string]spec.StepResult{"a": {Status: spec.StepMaybe, Diff: "it cannot be read"}})
	prior := obj("addr", "a", "name", "vm.x.y", "value", "1", "on", r.machine)
	got := r.types["step.sysctl"].(resource.Reader).Read(t.Context(), []resource.ReadRequest{{Addr: "a", Prior: prior}})
	if diff := cmp.Diff([]resource.Observation{{}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSchemasAreThoseOfTheDocuments(t *testing.T) {
	r := newRoom(t)
	file := r.types["step.file"].Schema().Attributes
	if !file["path"].Required || !file["path"].Replaces || file["mode"].Default.AsString() != "0644" || file["content"].Type != cty.String {
		t.Errorf("%+v", file)
	}
	if a := r.types["step.service"].Schema().Attributes["running"]; a.Type != cty.Bool || a.Default != cty.NilVal {
		t.Errorf("%+v", a)
	}
	if a := r.types["step.package"].Schema().Attributes["names"]; !a.Type.Equals(cty.List(cty.String)) {
		t.Errorf("%+v", a)
	}
	user := r.types["step.user"].Schema().Attributes
	if user["uid"].Type != cty.Number || !user["password_hash"].Sensitive || user["name"].Sensitive {
		t.Errorf("%+v", user)
	}
	if s := r.types["step.file"].Schema(); !s.Attributes["source"].File || !cmp.Equal(s.AnyOf, []string{"content", "source"}) {
		t.Errorf("%+v", s)
	}
	if a := r.types["step.command"].Schema().Attributes["rerun_on"]; a.Type != cty.DynamicPseudoType {
		t.Errorf("%+v", a)
	}
	for _, typ := range pacstep.Types() {
		if r.types["step."+typ.Name] == nil {
			t.Errorf("no resource type for the step %s", typ.Name)
		}
	}
}

func TestWhatPacsRequire(t *testing.T) {
	r := newRoom(t)
	home := []resource.Requirement{{Pac: "pac.home", Packages: []string{"nfs-common"}}, {Pac: "pac.other", Packages: []string{"nano"}}}
	var scripts []string
	look := func(output string) {
		r.node.Handle(spec.OpSteps, func(c *sshtest.Call) (any, error) {
			var run spec.StepRun
			if err := spec.Decode(c.Args, &run); err != nil {
				return nil, err
			}
			for _, s := range run.Steps {
				result := spec.StepResult{ID: s.ID, Status: spec.StepSame}
				if s.Type == "fact" {
					scripts = append(scripts, string(s.Config))
					result.Output = output
				}
				c.Event(result)
			}
			return struct{}{}, nil
		})
	}
	batch := resource.Batch{Members: []resource.Member{
		member("a", 0, resource.Create), member("b", 1, resource.Create), member("c", 2, resource.Create),
		{Addr: "d", Type: "package", Action: resource.Create, Position: 3, Config: obj("names", cty.ListVal([]cty.Value{cty.StringVal("nano")}))},
	}}
	batch.Members[1].Requires = home
	look("")
	if _, ends := r.batch(batch); errors.Join(ends["a"], ends["b"], ends["c"], ends["d"]) != nil {
		t.Errorf("all is there: %v", ends)
	}
	look("0 pac.home requires the package nfs-common, which pc01 has not got\n")
	order, ends := r.batch(batch)
	if ends["a"] != nil || ends["b"] == nil || !strings.Contains(ends["b"].Error(), "which pc01 has not got") || !errors.Is(ends["c"], resource.ErrSkipped) {
		t.Errorf("%v %v", order, ends)
	}
	if len(scripts) != 2 || !strings.Contains(scripts[0], "nfs-common") || strings.Contains(scripts[0], "the package nano") {
		t.Errorf("asked %d times, for what a step brings too:\n%s", len(scripts), scripts)
	}
	batch.Members[1].Action = resource.Delete
	if _, ends := r.batch(batch); ends["b"] != nil || len(scripts) != 2 {
		t.Errorf("to take a step away needs nothing: %v", ends)
	}
}
