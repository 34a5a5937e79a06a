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
	hosts = `pac "hosts" {
  source = "builtin/hosts"
  nodes  = node.pc
  others = { files = "10.20.0.9" }
}
`
	hostsFile = `127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
10.20.0.9 files
`
	pc01Line = "10.20.0.100 pc01 # node pc01\n"
	pc02Line = "10.20.0.101 pc02 # node pc02\n"
)

// A node's file gets the lines of those that are there, as they come, and is in the end as it was.
func TestHosts(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skipf("needs root and busybox-static: %v", err)
	}
	const root = `mkdir bin && cp "$1" bin/busybox && chroot . /bin/busybox --install -s /bin`
	m := steptest.NewRoot(t, "busybox", t.TempDir(), []string{"/bin/sh", "-s"}, []string{"bin"}, root, busybox)
	const former = "127.0.0.1 localhost\n127.0.1.1 pc02\n"
	m.Reset(t, map[string]string{"etc/hosts": former})

	own, pc01, pc02 := hostsSteps(t, room+hosts)
	moved := pc01
	moved.Config = []byte(strings.ReplaceAll(string(pc01.Config), "10.20.0.100", "10.20.0.200"))
	more, _, _ := hostsSteps(t, strings.Replace(room+hosts, "files", "mail", 1))
	const movedLine = "10.20.0.200 pc01 # node pc01\n"
	for _, chapter := range []struct {
		name string
		mode string
		step spec.Step
		want string
	}{
		{"what belongs to no node", pacstep.Apply, own, hostsFile},
		{"its own name, while pc01 has not come", pacstep.Apply, pc02, hostsFile + pc02Line},
		{"pc01 has come", pacstep.Apply, pc01, hostsFile + pc02Line + pc01Line},
		{"and has another address", pacstep.Apply, moved, hostsFile + pc02Line + movedLine},
		{"others have another name", pacstep.Apply, more, strings.Replace(hostsFile, "files", "mail", 1) + pc02Line + movedLine},
		{"pc01 has gone", pacstep.Undo, moved, strings.Replace(hostsFile, "files", "mail", 1) + pc02Line},
		{"so has pc02", pacstep.Undo, pc02, strings.Replace(hostsFile, "files", "mail", 1)},
		{"and all", pacstep.Undo, more, former},
	} {
		if r := m.Run(t, chapter.mode, chapter.step)[0]; !slices.Contains([]spec.StepStatus{spec.StepChanged, spec.StepUndone}, r.Status) {
			t.Fatalf("%s: %+v", chapter.name, r)
		}
		if r := m.Run(t, pacstep.Check, chapter.step)[0]; chapter.mode == pacstep.Apply && r.Status != spec.StepSame {
			t.Errorf("%s, and then it is %+v", chapter.name, r)
		}
		if got := m.Read(t, "etc/hosts"); got != chapter.want {
			t.Fatalf("%s: /etc/hosts holds\n%s\nwant\n%s", chapter.name, got, chapter.want)
		}
	}
}

// hostsSteps are the steps of pc02: what belongs to no node, and the lines of two.
func hostsSteps(t *testing.T, config string) (own, pc01, pc02 spec.Step) {
	t.Helper()
	for _, s := range steps(t, config, "node.pc[1]") {
		switch s.ID {
		case "pac.hosts.step.command.own[1]":
			own = s
		case `pac.hosts.step.command.name["0/1"]`:
			pc01 = s
		case `pac.hosts.step.command.name["1/1"]`:
			pc02 = s
		}
	}
	return own, pc01, pc02
}
