package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
	"viver/providers/agents"
	"viver/providers/fleet"
	"viver/providers/ssh"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

// newFleet is a fleet with two servers.
func newFleet(t *testing.T) (f *fleet.Fleet, all []agents.Server, seed, second *sshtest.Server) {
	t.Helper()
	dir := t.TempDir()
	ca, err := trust.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	pool := new(ssh.Pool)
	t.Cleanup(func() { pool.Close() })
	seed = sshtest.New(t, ca, "seed")
	_, port, _ := net.SplitHostPort(seed.Addr)
	number, _ := strconv.Atoi(port)
	second = sshtest.Serve(t, ca, "second", net.JoinHostPort("127.0.3.1", port))
	all = []agents.Server{{Name: "seed", Address: "127.0.0.1"}, {Name: "second", Address: "127.0.3.1"}}
	return &fleet.Fleet{Agents: &agents.Agents{Dir: dir, Pool: pool, Port: number}}, all, seed, second
}

func names(machines []spec.Machine) (all []string) {
	for _, m := range machines {
		all = append(all, m.Node+" "+m.MAC+" "+m.Waiting)
	}
	return all
}

func TestMachinesOfAllServers(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	now := time.Now()
	seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		return []spec.Machine{{MAC: "3"}, {MAC: "1", Node: "pc10"}, {MAC: "2", Node: "pc2", Waiting: "late", LastSeen: now}}, nil
	})
	second.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		return []spec.Machine{{MAC: "2", Node: "pc2", Waiting: "early", LastSeen: now.Add(-time.Hour)}}, nil
	})
	machines, err := f.Machines(t.Context(), servers)
	if diff := cmp.Diff([]string{"pc2 2 late", "pc10 1 ", " 3 "}, names(machines)); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	second.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) { return nil, errors.New("disk full") })
	machines, err = f.Machines(t.Context(), servers)
	if len(machines) != 3 || err == nil || !strings.Contains(err.Error(), "server second: ") {
		t.Errorf("%q, %v", names(machines), err)
	}
}

func TestApproveOnAllServers(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	asked := spec.Approval{MACs: []string{"1", "2"}}
	for _, s := range []*sshtest.Server{seed, second} {
		s.Handle(spec.OpApprove, func(c *sshtest.Call) (any, error) {
			var a spec.Approval
			if err := spec.Decode(c.Args, &a); err != nil || !cmp.Equal(a, asked) {
				t.Errorf("asked for %+v, %v", a, err)
			}
			if s == seed {
				return nil, nil // it knows none of them
			}
			return []spec.Machine{{MAC: "2"}}, nil
		})
	}
	machines, err := f.Approve(t.Context(), servers, asked)
	if diff := cmp.Diff([]string{" 2 "}, names(machines)); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
}

func TestImagesOfAllServers(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	now := time.Now().UTC()
	old, fresh := spec.StoredImage{ID: "old", Bytes: 1, Added: now.Add(-time.Hour)}, spec.StoredImage{ID: "fresh", Added: now, Users: []string{"pc1"}}
	seed.Handle(spec.OpImageList, func(*sshtest.Call) (any, error) { return []spec.StoredImage{old, fresh}, nil })
	second.Handle(spec.OpImageList, func(*sshtest.Call) (any, error) { return nil, errors.New("disk full") })
	images, err := f.Images(t.Context(), servers)
	if diff := cmp.Diff([]fleet.Image{{Server: "seed", StoredImage: fresh}, {Server: "seed", StoredImage: old}}, images); diff != "" {
		t.Error(diff)
	}
	if err == nil || !strings.Contains(err.Error(), "server second: ") {
		t.Errorf("%v", err)
	}
}

func TestWatchAllServers(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	seed.Handle(spec.OpMachineWatch, func(c *sshtest.Call) (any, error) {
		for _, stage := range []spec.Stage{spec.StageKernel, spec.StageJoined} {
			event, _ := json.Marshal(spec.Machine{MAC: "1", Boot: []spec.StageTime{{Stage: stage}}})
			c.Send(spec.Reply{Event: event})
		}
		<-c.Gone
		return nil, nil
	})
	second.Handle(spec.OpMachineWatch, func(*sshtest.Call) (any, error) { return nil, errors.New("disk full") })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []spec.Stage
	var troubles []string
	done := func() {
		if len(seen) == 2 && len(troubles) == 1 {
			cancel()
		}
	}
	f.Watch(ctx, servers, func(m spec.Machine) { seen = append(seen, m.Stage()); done() }, func(err error) { troubles = append(troubles, err.Error()); done() })
	if diff := cmp.Diff([]spec.Stage{spec.StageKernel, spec.StageJoined}, seen); diff != "" {
		t.Error(diff)
	}
	if len(troubles) != 1 || !strings.Contains(troubles[0], "server second: ") || !strings.Contains(troubles[0], "disk full") {
		t.Errorf("%q", troubles)
	}
}

// Machines live on without their servers: what was said last is known still.
func TestMachinesAreRemembered(t *testing.T) {
	f, servers, seed, second := newFleet(t)
	f.Memory = filepath.Join(t.TempDir(), "machines.json")
	seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) {
		return []spec.Machine{{MAC: "1", Node: "pc1", HostKey: "key"}}, nil
	})
	second.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) { return []spec.Machine{}, nil })
	if _, err := f.Machines(t.Context(), servers); err != nil {
		t.Fatal(err)
	}
	fail := func(*sshtest.Call) (any, error) { return nil, errors.New("is ill") }
	seed.Handle(spec.OpMachines, fail)
	second.Handle(spec.OpMachines, fail)
	machines, err := f.Machines(t.Context(), servers)
	if len(machines) != 1 || machines[0].HostKey != "key" {
		t.Errorf("%+v", machines)
	}
	if err == nil || !strings.Contains(err.Error(), "is ill") || !strings.Contains(err.Error(), "is from 2") {
		t.Errorf("said %v", err)
	}
	if info, err := os.Stat(f.Memory); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the memory is %v, %v", info.Mode(), err)
	}
}
