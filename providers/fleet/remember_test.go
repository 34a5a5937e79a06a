package fleet_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/providers/ssh/sshtest"
)

// While servers do not answer, nodes that admit machines say which these are.
func TestDeputiesAreAsked(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	f.Memory = filepath.Join(t.TempDir(), "machines.json")
	nodes, machines := newNodes(t, f, 2)
	for i := range machines {
		machines[i].MAC = string(rune('1' + i))
	}
	seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) { return machines, nil })
	second.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) { return []spec.Machine{}, nil })
	if _, err := f.Machines(t.Context(), servers); err != nil {
		t.Fatal(err)
	}
	fail := func(*sshtest.Call) (any, error) { return nil, errors.New("is ill") }
	seed.Handle(spec.OpMachines, fail)
	second.Handle(spec.OpMachines, fail)
	nodes[1].Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		return []spec.Machine{{MAC: "9", Node: "late", LastSeen: time.Now()}, {MAC: "1", Node: "pc1", Waiting: "anew", LastSeen: time.Now()}}, nil
	})
	got, err := f.Machines(t.Context(), servers)
	if len(got) > 1 && got[1].Stage() != spec.StageJoined {
		t.Errorf("what was known of pc1 is lost: %+v", got[1])
	}
	if err == nil || strings.Join(names(got), ",") != "late 9 ,pc1 1 anew,pc2 2 ,pc3 3 " {
		t.Errorf("%q, %v", names(got), err)
	}
}
