package pacs_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"
	"viver/pacs/step/steptest"
)

const (
	hostfile = `pac "hostfile" {
  source  = "builtin/hostfile"
  nodes   = node.pc
  path    = "/etc/mpi/hosts"
  head    = ["* ep=$HOME"]
  lines   = [for n in node.pc : "${n.name} slots='4'"]
  changed = "echo changed >>/etc/log"
}
`
	hostfileHead = "# Written by viver: the nodes that have come.\n* ep=$HOME\n"
	pc1Line      = "pc1 slots='4'\n"
	pc10Line     = "pc10 slots='4'\n"
)

// A node's file gets the lines of those that are there, as they come, in natural order, and is in the end as it was.
func TestHostfile(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skipf("needs root and busybox-static: %v", err)
	}
	const root = `mkdir bin && cp "$1" bin/busybox && chroot . /bin/busybox --install -s /bin`
	m := steptest.NewRoot(t, "busybox", t.TempDir(), []string{"/bin/sh", "-s"}, []string{"bin"}, root, busybox)
	const former = "# an example\nlocalhost slots=1\n"
	m.Reset(t, map[string]string{"etc/mpi/hosts": former, "etc/log": ""})

	config := strings.Replace(room+hostfile, `"pc%02d", count.index + 1`, `"pc%d", count.index * 9 + 1`, 1)
	head, pc1, pc10 := hostfileSteps(t, config)
	more, _, _ := hostfileSteps(t, strings.Replace(config, `["*`, `["# more", "*`, 1))
	const moreHead = "# Written by viver: the nodes that have come.\n# more\n* ep=$HOME\n"
	stronger := pc1
	stronger.Config = []byte(strings.ReplaceAll(string(pc1.Config), "slots='4", "slots='8"))
	stronger.Config = []byte(strings.ReplaceAll(string(stronger.Config), `slots='\\''4`, `slots='\\''8`))
	const strongerLine = "pc1 slots='8'\n"
	changes := 0
	for _, chapter := range []struct {
		name    string
		mode    string
		step    spec.Step
		want    string
		changed bool // a line
	}{
		{"what belongs to no node", pacstep.Apply, head, hostfileHead, false},
		{"its own line, while pc1 has not come", pacstep.Apply, pc10, hostfileHead + pc10Line, true},
		{"pc1 has come", pacstep.Apply, pc1, hostfileHead + pc1Line + pc10Line, true},
		{"and has more cores", pacstep.Apply, stronger, hostfileHead + strongerLine + pc10Line, true},
		{"more stands before them", pacstep.Apply, more, moreHead + strongerLine + pc10Line, false},
		{"pc1 has gone", pacstep.Undo, stronger, moreHead + pc10Line, true},
		{"so has pc10", pacstep.Undo, pc10, moreHead, true},
		{"and all", pacstep.Undo, more, former, false},
	} {
		if r := m.Run(t, chapter.mode, chapter.step)[0]; !slices.Contains([]spec.StepStatus{spec.StepChanged, spec.StepUndone}, r.Status) {
			t.Fatalf("%s: %+v", chapter.name, r)
		}
		if r := m.Run(t, pacstep.Check, chapter.step)[0]; chapter.mode == pacstep.Apply && r.Status != spec.StepSame {
			t.Errorf("%s, and then it is %+v", chapter.name, r)
		}
		if got := m.Read(t, "etc/mpi/hosts"); got != chapter.want {
			t.Fatalf("%s: the file holds\n%s\nwant\n%s", chapter.name, got, chapter.want)
		}
		if chapter.changed {
			changes++
		}
		if got := m.Read(t, "etc/log"); got != strings.Repeat("changed\n", changes) {
			t.Errorf("%s: who reads it was told\n%s", chapter.name, got)
		}
	}
}

// hostfileSteps are the steps of the second node: what stands before the lines, and the lines of two.
func hostfileSteps(t *testing.T, config string) (head, first, second spec.Step) {
	t.Helper()
	for _, s := range steps(t, config, "node.pc[1]") {
		switch s.ID {
		case "pac.hostfile.step.command.head[1]":
			head = s
		case `pac.hostfile.step.command.line["0/1"]`:
			first = s
		case `pac.hostfile.step.command.line["1/1"]`:
			second = s
		}
	}
	return head, first, second
}

// distccd lets in the nodes that are in the list of those to be asked, and is started anew when that changes while it runs.
func TestDistccLetsNodesIn(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skipf("needs root and busybox-static: %v", err)
	}
	const root = `mkdir bin && cp "$1" bin/busybox && chroot . /bin/busybox --install -s /bin
printf '#!/bin/sh\necho "$@" >>/etc/log\n' >bin/service && chmod +x bin/service`
	m := steptest.NewRoot(t, "busybox", t.TempDir(), []string{"/bin/sh", "-s"}, []string{"bin"}, root, busybox)
	m.Reset(t, map[string]string{"etc/distcc/hosts": "# an example\n127.0.0.1\n", "etc/log": ""})
	take := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			all := steps(t, room+distcc, "node.pc[1]")
			i := slices.IndexFunc(all, func(s spec.Step) bool { return s.ID == id })
			if i < 0 {
				t.Fatalf("there is no step %s", id)
			}
			if r := m.Run(t, pacstep.Apply, all[i])[0]; r.Status != spec.StepChanged {
				t.Fatalf("%+v", r)
			}
		}
	}
	expect := func(name, allowed, log string) {
		t.Helper()
		out, err := m.Command(t.Context(), "/bin/sh", "-c", `. /etc/default/distcc; echo $ALLOWEDNETS`).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != allowed {
			t.Errorf("%s: it lets in %q, %v", name, out, err)
		}
		if got := m.Read(t, "etc/log"); got != log {
			t.Errorf("%s: services were asked: %q", name, got)
		}
	}
	const lines = "pac.distcc.pac.hosts.step.command."
	take("pac.distcc.step.file.server[1]", lines+"head[1]", lines+`line["1/1"]`)
	expect("alone", "10.20.0.101 10.20.7.0/24", "")
	if out, err := m.Command(t.Context(), "/bin/sh", "-c", `mkdir -p /run; echo 1 >/run/distccd.pid`).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	take(lines + `line["0/1"]`)
	expect("with pc01", "10.20.0.100 10.20.0.101 10.20.7.0/24", "distcc restart\n")
}

const distcc = `pac "distcc" {
  source  = "builtin/distcc"
  nodes   = node.pc
  image   = image.desk
  jobs    = 4
  clients = ["10.20.7.0/24"]
}
`
