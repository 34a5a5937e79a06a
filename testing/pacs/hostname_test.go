// Package pacs_test evaluates the Pacs that come with viver with the schemas of the real types, and takes their steps where a test can.
package pacs_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"

	"viver/pacs"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/providers"
	"viver/providers/step"
)

const room = `
network "lab" { cidr = ["10.20.0.0/16"] }
server "seed" { address = "10.20.0.1" }
image "desk" { from = "debian:bookworm" }
pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}
node "pc" {
  count = 2
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}
pac "names" {
  source = "builtin/hostname"
  nodes  = node.pc
  domain = "room.example.org"
}
`

// addresses of the nodes.
var addresses = map[string]string{"node.pc[0]": "10.20.0.100", "node.pc[1]": "10.20.0.101"}

// steps evaluates a configuration and returns the scripted steps of one machine, in order.
func steps(t *testing.T, config, machine string) []spec.Step {
	t.Helper()
	var all []spec.Step
	check(t, evaluate(t, config, func(i *lang.Instance, v cty.Value) {
		if i.Machine == machine {
			s, err := step.Document(i.Addr.String(), strings.TrimPrefix(i.Type, "step."), v)
			if err != nil {
				t.Error(err)
			}
			all = append(all, s)
		}
	}))
	return all
}

// evaluate calls visit with each instance of a configuration and its arguments.
func evaluate(t *testing.T, config string, visit func(i *lang.Instance, v cty.Value)) hcl.Diagnostics {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]*resource.Schema{}
	for _, typ := range providers.All(providers.Options{CADir: dir}) {
		schemas[typ.Name()] = typ.Schema()
	}
	c, diags := lang.Load(dir, lang.LoadOptions{Schemas: schemas, Builtin: pacs.FS})
	check(t, diags)
	e, diags := lang.NewEvaluator(c, nil)
	check(t, diags)
	return e.Walk(t.Context(), func(i *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
		v, _ := o.Value.UnmarkDeep()
		visit(i, v)
		attrs := v.AsValueMap()
		for name, a := range schemas[i.Type].Attributes {
			if a.Computed {
				attrs[name] = cty.UnknownVal(a.Type)
			}
		}
		if address, ok := addresses[i.Addr.String()]; ok {
			attrs["address"] = cty.StringVal(address)
		}
		return cty.ObjectVal(attrs), nil
	})
}

func check(t *testing.T, diags hcl.Diagnostics) {
	t.Helper()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
}

// The machine is a root of busybox with a host name of its own (a UTS namespace).
func TestHostname(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skipf("needs root and busybox-static: %v", err)
	}
	root := t.TempDir()
	const prepare = `mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir bin etc proc tmp && mount -t proc proc proc && cp "$0" bin/busybox &&
for a in $(bin/busybox --list); do [ -e bin/$a ] || ln -s busybox bin/$a; done && mkdir dev && mknod -m 666 dev/null c 1 3`
	if out, err := exec.Command("sh", "-c", prepare, busybox, root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer exec.Command("umount", "-R", root).Run()
	all := steps(t, room, "node.pc[1]")
	// The name ends with the namespace, and that with the shell: the last step has to look.
	all = append(all, spec.Step{ID: "look", Type: "fact", Config: []byte(`{"run":"cat /proc/sys/kernel/hostname"}`)})
	runner := pacstep.Runner{Command: func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "/bin/sh", "-s")
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWUTS}
		return cmd
	}}
	var last spec.StepResult
	if err := runner.Run(t.Context(), pacstep.Apply, all, func(r spec.StepResult) {
		if last = r; r.Status == spec.StepFailed {
			t.Errorf("%+v", r)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if last.Output != "pc02" {
		t.Errorf("the kernel's name is %q", last.Output)
	}
	for name, want := range map[string]string{"etc/hostname": "pc02\n", "etc/hosts": "127.0.1.1 pc02.room.example.org pc02\n"} {
		if data, err := fs.ReadFile(os.DirFS(root), name); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	for _, s := range all[:2] {
		if s.Type != "file" {
			t.Errorf("%s comes before the files", s.ID)
		}
	}
}
