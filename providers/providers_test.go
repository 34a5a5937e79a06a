package providers_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers"
	"viver/providers/object"
	"viver/providers/ssh"
)

// inside says that this process is the one in a namespace of its own.
const inside = "VIVER_TEST_INSIDE"

// alone runs the test again in a network and mount namespace of its own, where ports are free and /var/lib is empty. It tells
// whether this is that run.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	node := filepath.Join(t.TempDir(), "viver-node")
	build := exec.Command("go", "build", "-o", node, "viver/cmd/viver-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build viver-node: %v\n%s", err, out)
	}
	const enter = `mount -t tmpfs tmpfs /var/lib && ip link set lo up && exec "$@"`
	cmd := exec.Command("sh", "-c", enter, "sh", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=90s", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1", "VIVER_NODE="+node)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in a namespace: %v", err)
	}
	return false
}

// world is the types with a folder for each thing.
type world struct {
	*testing.T
	types map[string]resource.Type
	dir   string // data folder of the server
	cache string
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, types: map[string]resource.Type{}, dir: t.TempDir() + "/data", cache: t.TempDir()}
	pool := new(ssh.Pool)
	t.Cleanup(func() { pool.Close() })
	for _, typ := range providers.All(providers.Options{CADir: t.TempDir() + "/ca", Pool: pool, Cache: w.cache}) {
		w.types[typ.Name()] = typ
	}
	return w
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

func (w *world) apply(typ, addr string, config cty.Value) (cty.Value, error) {
	computed, err := w.types[typ].Apply(w.Context(), resource.ApplyRequest{Addr: addr, Config: config})
	all := config.AsValueMap()
	for name, v := range computed {
		all[name] = v
	}
	all["kind"], all["addr"] = cty.StringVal(typ), cty.StringVal(addr)
	return cty.ObjectVal(all), err
}

func (w *world) read(typ string, prior cty.Value) resource.Observation {
	return w.types[typ].(resource.Reader).Read(w.Context(), []resource.ReadRequest{
		{Addr: object.String(prior, "addr"), Prior: prior, Config: cty.NullVal(cty.DynamicPseudoType)},
	})[0]
}

// batch has the members done on the machine and returns their ends.
func (w *world) batch(machine cty.Value, members ...resource.Member) (ends []string, computed []map[string]cty.Value) {
	ends, computed = make([]string, len(members)), make([]map[string]cty.Value, len(members))
	w.types["step.file"].(resource.Batcher).ApplyBatch(w.Context(), resource.Batch{Machine: machine, Members: members}, func(i int, c map[string]cty.Value, err error) {
		if ends[i] != "" {
			w.Errorf("member %d ended twice", i)
		}
		ends[i], computed[i] = fmt.Sprint(err), c
	})
	return ends, computed
}

func pid(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "agent.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// kill ends an agent that a failed test has left.
func (w *world) kill() {
	if data, err := os.ReadFile(filepath.Join(w.dir, "agent.pid")); err == nil {
		_ = exec.Command("kill", "-9", strings.TrimSpace(string(data))).Run()
	}
}

func TestServer(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t)
	config := obj("address", "127.0.0.1", "data_dir", w.dir)
	seed, err := w.apply("server", "server.seed", config)
	if err != nil {
		t.Fatal(err)
	}
	defer w.kill()
	if object.String(seed, "name") != "seed" || !strings.HasPrefix(object.String(seed, "host_key"), "ssh-ed25519 ") || object.String(seed, "version") == "" {
		t.Errorf("%#v", seed)
	}
	first := pid(t, w.dir)
	if _, err := w.apply("server", "server.seed", config); err != nil || pid(t, w.dir) != first {
		t.Errorf("a second apply: %v, process %s became %s", err, first, pid(t, w.dir))
	}
	if got := w.read("server", seed); got.Status != resource.Present {
		t.Errorf("%+v", got)
	}
	w.imported(seed, config)
	w.secrets()
	w.replaced(seed, config, first)
	w.revived(seed, config)
	w.upgraded(seed, config)
	// Another cluster keeps its hands off.
	other := newWorld(t)
	if _, err := other.apply("server", "server.seed", config); err == nil || !strings.Contains(err.Error(), "of the cluster") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	last := pid(t, w.dir)
	for range 2 {
		if err := w.types["server"].Destroy(t.Context(), resource.DestroyRequest{Prior: seed}); err != nil {
			t.Fatal(err)
		}
	}
	left, _ := os.ReadDir(w.dir)
	if len(left) != 1 || left[0].Name() != "mine" {
		t.Errorf("destroy left %v", left)
	}
	if _, err := os.Readlink("/proc/" + last + "/exe"); err == nil {
		t.Errorf("process %s still runs", last)
	}
}

// imported: who has lost the state takes the server over; others do not.
func (w *world) imported(seed, config cty.Value) {
	request := resource.ImportRequest{Addr: "server.seed", ID: "127.0.0.1", Config: config}
	found, err := w.types["server"].(resource.Importer).Import(w.Context(), request)
	if err != nil || found["host_key"].AsString() != object.String(seed, "host_key") || found["version"].AsString() != object.String(seed, "version") {
		w.Errorf("%v %v", found, err)
	}
	for want, r := range map[string]resource.ImportRequest{
		"is its address":   {Addr: "server.seed", ID: "seed", Config: config},
		"under the name x": {Addr: "server.x", ID: "127.0.0.1", Config: config},
	} {
		if _, err := w.types["server"].(resource.Importer).Import(w.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			w.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := newWorld(w.T).types["server"].(resource.Importer).Import(w.Context(), request); err == nil || !strings.Contains(err.Error(), "key") {
		w.Errorf("another cluster: %v", err)
	}
}

// secrets are for root alone.
func (w *world) secrets() {
	for _, name := range []string{"host_key", "tls.key", "passport.key", "gossip.key", "identity.json"} {
		info, err := os.Stat(filepath.Join(w.dir, "identity", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			w.Errorf("%s: %v %v", name, info, err)
		}
	}
}

// replaced: another viver-node takes the place of the one there.
func (w *world) replaced(seed, config cty.Value, first string) {
	data, err := os.ReadFile(os.Getenv("VIVER_NODE"))
	if err != nil {
		w.Fatal(err)
	}
	another := filepath.Join(w.TempDir(), "viver-node")
	if err := os.WriteFile(another, append(data, 0), 0o755); err != nil {
		w.Fatal(err)
	}
	w.Setenv("VIVER_NODE", another)
	if got := w.read("server", seed); got.Status != resource.Drifted {
		w.Errorf("%+v", got)
	}
	if _, err := w.apply("server", "server.seed", config); err != nil || pid(w.T, w.dir) == first {
		w.Errorf("another viver-node: %v, still process %s", err, first)
	}
}

// revived: an agent that was killed comes back.
func (w *world) revived(seed, config cty.Value) {
	if err := exec.Command("kill", "-9", pid(w.T, w.dir)).Run(); err != nil {
		w.Fatal(err)
	}
	for i := 0; ; i++ {
		if got := w.read("server", seed); got.Status == resource.Drifted && strings.Contains(got.Reason, "does not run") {
			break
		} else if i == 50 {
			w.Errorf("%+v", got)
			break
		}
		time.Sleep(20 * time.Millisecond) // the kernel's time, not ours: a killed process closes its port when it is collected
	}
	if _, err := w.apply("server", "server.seed", config); err != nil {
		w.Error(err)
	}
}

// upgraded: a server that an earlier version has set up learns to sign passports.
func (w *world) upgraded(seed, config cty.Value) {
	for _, name := range []string{"passport.crt", "passport.key", "gossip.key"} {
		if err := os.Remove(filepath.Join(w.dir, "identity", name)); err != nil {
			w.Error(err)
		}
	}
	if err := exec.Command("kill", "-9", pid(w.T, w.dir)).Run(); err != nil {
		w.Fatal(err)
	}
	for i := 0; ; i++ { // the port is free when the killed process is collected
		agent := exec.Command(filepath.Join(w.dir, "viver-node"), "agent", "--dir", w.dir)
		if err := agent.Start(); err != nil {
			w.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- agent.Wait() }()
		if got := w.awaitRead(seed, ended); got.Status == resource.Drifted && strings.Contains(got.Reason, "earlier version") {
			break
		} else if i == 20 {
			w.Fatalf("%+v", got)
		}
	}
	if _, err := w.apply("server", "server.seed", config); err != nil {
		w.Fatal(err)
	}
	if got := w.read("server", seed); got.Status != resource.Present {
		w.Errorf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "identity", "passport.key")); err != nil {
		w.Error(err)
	}
}

// awaitRead reads the server until its agent answers or has ended.
func (w *world) awaitRead(seed cty.Value, ended <-chan error) resource.Observation {
	for {
		got := w.read("server", seed)
		if !strings.Contains(got.Reason, "does not run") {
			return got
		}
		select {
		case <-ended:
			return got
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ended is a static program that does nothing.
func ended(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "viver-node"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "viver-node")
}

func TestServerThatDoesNotStart(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t)
	t.Setenv("VIVER_NODE", "/bin/false")
	_, err := w.apply("server", "server.seed", obj("address", "127.0.0.1", "data_dir", w.dir))
	if err == nil || !strings.Contains(err.Error(), "is not static") {
		t.Error(err)
	}
	t.Setenv("VIVER_NODE", ended(t))
	_, err = w.apply("server", "server.seed", obj("address", "127.0.0.1", "data_dir", w.dir))
	if err == nil || !strings.Contains(err.Error(), "it ended at once") {
		t.Error(err)
	}
	t.Setenv("VIVER_NODE", "/nowhere/viver-node")
	if _, err = w.apply("server", "server.seed", obj("address", "127.0.0.1", "data_dir", w.dir)); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Error(err)
	}
	for _, dir := range []string{"relative", "/", "/a\nb"} {
		if _, err = w.apply("server", "server.seed", obj("address", "127.0.0.1", "data_dir", dir)); err == nil || !strings.Contains(err.Error(), "data_dir") {
			t.Error(dir, err)
		}
	}
}

func TestStepsOnAServer(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t)
	seed, err := w.apply("server", "server.seed", obj("address", "127.0.0.1", "data_dir", w.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer w.types["server"].Destroy(context.Background(), resource.DestroyRequest{Prior: seed})
	id := w.storeImage()
	image := obj("kind", "image", "addr", "image.desk", "id", string(id))
	motd := t.TempDir() + "/motd"
	file := resource.Member{Addr: "step.file.motd", Type: "file", Action: resource.Create, Config: obj("on", seed, "path", motd, "content", "it's \"here\"\n", "owner", cty.NullVal(cty.String))}
	fact := resource.Member{Addr: "step.fact.a", Type: "fact", Action: resource.Create, Config: obj("on", seed, "run", "echo seven", "timeout", "5s")}
	copied := resource.Member{Addr: "step.image.copy", Type: "image", Action: resource.Create, Config: obj("on", seed, "image", image)}
	unit := resource.Member{Addr: "pac.boot.step.unit.nbd", Type: "unit", Action: resource.Create, Config: obj("on", seed, "unit", "nbd",
		"config", obj("listen", "127.0.0.1:10809", "images", cty.TupleVal([]cty.Value{cty.StringVal(string(id))}), "none", cty.NullVal(cty.String)))}
	ends, computed := w.batch(seed, file, fact, copied, unit)
	if diff := cmp.Diff([]string{"<nil>", "<nil>", "<nil>", "<nil>"}, ends); diff != "" {
		t.Fatal(diff)
	}
	if object.String(computed[1]["value"]) != "seven" || !strings.Contains(object.String(computed[3]["detail"]), "127.0.0.1:10809") {
		t.Errorf("%#v", computed)
	}
	if data, err := os.ReadFile(motd); err != nil || string(data) != "it's \"here\"\n" {
		t.Errorf("%q %v", data, err)
	}
	prior := func(m resource.Member, c map[string]cty.Value) cty.Value {
		all := m.Config.AsValueMap()
		for k, v := range c {
			all[k] = v
		}
		all["addr"] = cty.StringVal(m.Addr)
		return cty.ObjectVal(all)
	}
	for i, m := range []resource.Member{file, fact, copied, unit} {
		if got := w.read("step."+m.Type, prior(m, computed[i])); got.Status != resource.Present || got.Computed != nil {
			t.Errorf("%s: %+v", m.Addr, got)
		}
	}
	if err := os.Chmod(motd, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.read("step.file", prior(file, nil)); got.Status != resource.Drifted || got.Reason != "mode 600 -> 644" {
		t.Errorf("%+v", got)
	}
	w.failing(seed)
	members := []resource.Member{unit, copied, fact, file}
	for i := range members {
		members[i].Action, members[i].Prior, members[i].Config = resource.Delete, prior(members[i], computed[3-i]), cty.NullVal(cty.DynamicPseudoType)
	}
	if ends, _ := w.batch(seed, members...); slices.ContainsFunc(ends, func(s string) bool { return s != "<nil>" }) {
		t.Error(ends)
	}
	if _, err := os.Stat(motd); err == nil {
		t.Error("the file is still there")
	}
	for i, m := range []resource.Member{unit, copied} {
		if got := w.read("step."+m.Type, members[i].Prior); got.Status != resource.Absent {
			t.Errorf("%s: %+v", m.Addr, got)
		}
	}
}

// failing: what is behind a failure is skipped, what is before it counts.
func (w *world) failing(seed cty.Value) {
	command := func(addr, run string) resource.Member {
		return resource.Member{Addr: addr, Type: "command", Action: resource.Create, Config: obj("on", seed, "run", run)}
	}
	bad := resource.Member{Addr: "d", Type: "file", Action: resource.Create, Config: obj("path", "relative", "content", "")}
	skipped := resource.ErrSkipped.Error()
	for _, c := range []struct {
		members []resource.Member
		want    []string
	}{
		{[]resource.Member{command("a", ":"), command("b", "echo no; exit 3"), command("c", ":")}, []string{"<nil>", "no", skipped}},
		{[]resource.Member{command("a", ":"), bad, command("c", ":")}, []string{"<nil>", `step d: path "relative" is not absolute: begin it with /`, skipped}},
	} {
		ends, _ := w.batch(seed, c.members...)
		if diff := cmp.Diff(c.want, ends); diff != "" {
			w.Error(diff)
		}
	}
	ends, _ := w.batch(seed, resource.Member{Addr: "u", Type: "unit", Action: resource.Create, Config: obj("unit", "teleport")})
	if !strings.Contains(ends[0], "teleport") {
		w.Error(ends)
	}
}

// storeImage puts a small image into the operator's store.
func (w *world) storeImage() spec.Digest {
	root := bytes.Repeat([]byte("viver"), (spec.ChunkSize+4096)/5+1)[:spec.ChunkSize+4096]
	boot := []byte("boot")
	m := &spec.Manifest{
		Version: 1, Architecture: "amd64", KernelRelease: "6.1", Distribution: "debian 12",
		Root:  spec.Root{Size: int64(len(root)), Chunks: []spec.Digest{spec.DigestOf(root[:spec.ChunkSize]), spec.DigestOf(root[spec.ChunkSize:])}},
		Files: map[string]spec.File{},
	}
	store, err := imagestore.Open(filepath.Join(w.cache, "images"))
	if err != nil {
		w.Fatal(err)
	}
	for _, name := range []string{"vmlinuz", "initrd"} {
		m.Files[name] = spec.File{Size: int64(len(boot)), SHA256: spec.DigestOf(boot)}
	}
	d, err := store.Create(m)
	if err != nil {
		w.Fatal(err)
	}
	for name, data := range map[string][]byte{"vmlinuz": boot, "initrd": boot, imagestore.FileRoot: root} {
		if err := d.Write(name, bytes.NewReader(data)); err != nil {
			w.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		w.Fatal(err)
	}
	return d.ID()
}

// Every schema can be read by the language, and says what each argument is for.
func TestSchemas(t *testing.T) {
	for name, typ := range newWorld(t).types {
		s := typ.Schema()
		if s.Doc == "" {
			t.Errorf("%s has no explanation", name)
		}
		for arg, a := range s.Attributes {
			if a.Doc == "" || a.Type == cty.NilType || a.Required && a.Computed {
				t.Errorf("%s.%s: %+v", name, arg, a)
			}
		}
	}
}
