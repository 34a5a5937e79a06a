package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"viver/nodeimage/spec"
)

// deputyOf returns the roster of a deputy that has r's kit, as it comes over the network.
func deputyOf(t *testing.T, r *Roster) *Roster {
	t.Helper()
	data, err := json.Marshal(r.Kit())
	if err != nil {
		t.Fatal(err)
	}
	var k spec.Kit
	if err := spec.Decode(data, &k); err != nil {
		t.Fatal(err)
	}
	d, err := Open(Config{Path: filepath.Join(t.TempDir(), "deputy.json"), Cluster: cluster, Deputy: true, Now: (&clock{start.Add(time.Hour)}).Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Use(&k); err != nil {
		t.Fatal(err)
	}
	return d
}

// tell has r merge what d knows, and returns the MACs of the machines that were told of and why some were passed over.
func tell(t *testing.T, d, r *Roster) (macs, passed string) {
	t.Helper()
	err := d.Tell(func(part []spec.MachineRecord) error {
		for _, m := range part {
			macs += " " + m.Machine.MAC
		}
		why, err := r.Merge(part)
		for _, w := range why {
			passed += w.Error() + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(macs), passed
}

func steps(ids ...string) (list []spec.Step) {
	for _, id := range ids {
		list = append(list, spec.Step{ID: id, Type: "file", Config: json.RawMessage(`{"path":"/` + id + `"}`)})
	}
	return list
}

func TestKitHasWhatADeputyNeeds(t *testing.T) {
	r := fresh(t)
	put(
		t, r, spec.NodeSpec{Name: "pc1", Image: desk, Steps: steps("a", "b")}, spec.NodeSpec{Name: "pc2", Image: desk, Steps: steps("b", "c")},
		spec.NodeSpec{Name: "pc3", Image: desk, Admission: spec.AdmitApprove},
	)
	_, token := join(t, r, request(0, 1))
	r.Observe(spec.MachineEvent{MAC: mac(9), Stage: spec.StageFirmware})
	k := r.Kit()
	if len(k.Steps) != 3 || len(k.Machines) != 1 || k.Machines[0].Machine.Boot != nil || k.Nodes[0].Steps != nil {
		t.Errorf("%+v", k)
	}
	d := deputyOf(t, r)
	if diff := cmp.Diff(r.nodes, d.nodes, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if err := d.Report(spec.Report{MAC: mac(0), Token: token}); err != nil {
		t.Errorf("a machine that has joined at the server: %v", err)
	}
	thief := request(0, 1)
	thief.HostKey = hostKey(99)
	if _, _, err := d.Join(thief); !errors.Is(err, ErrRefused) {
		t.Errorf("another key in the same boot: %v", err)
	}
	if name, _ := join(t, d, request(0, 2)); name != "pc1" {
		t.Errorf("a node that started again is %s", name)
	}
	if name, _ := join(t, d, request(1, 1)); name != "pc2" {
		t.Errorf("a new machine is %s", name)
	}
	if reason, _ := join(t, d, request(2, 1)); !strings.Contains(reason, "waits for approval") {
		t.Errorf("a machine that nobody approved: %s", reason)
	}
}

func TestBadKitsAreRefused(t *testing.T) {
	for want, k := range map[string]spec.Kit{
		"of 0 which steps":    {Nodes: []spec.NodeSpec{{Name: "pc1"}}},
		"takes step 1 of 1":   {Nodes: []spec.NodeSpec{{Name: "pc1"}}, Steps: steps("a"), Takes: [][]int{{1}}},
		"takes step -1 of 1":  {Nodes: []spec.NodeSpec{{Name: "pc1"}}, Steps: steps("a"), Takes: [][]int{{-1}}},
		"steps together":      {Nodes: []spec.NodeSpec{{Name: "pc1"}}, Steps: steps("a"), Takes: [][]int{make([]int, maxTakes+1)}},
		"no name for a node":  {Nodes: []spec.NodeSpec{{Name: "../x"}}, Takes: [][]int{{}}},
		"is no MAC address":   {Machines: []spec.MachineRecord{{}}},
		"there is no admissi": {Nodes: []spec.NodeSpec{{Name: "pc1", Admission: "x"}}, Takes: [][]int{{}}},
	} {
		if err := fresh(t).Use(&k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestOnlyDeputiesGetKits(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk, Field: &spec.FieldSpec{Deputy: true}}, spec.NodeSpec{Name: "pc2", Image: desk, Field: &spec.FieldSpec{}})
	_, one := join(t, r, request(0, 1))
	_, two := join(t, r, request(1, 1))
	if name, err := r.Deputy(mac(0), one); err != nil || name != "pc1" {
		t.Errorf("%s, %v", name, err)
	}
	if _, err := r.Deputy(mac(1), two); !errors.Is(err, ErrNoDeputy) || errors.Is(err, ErrRefused) {
		t.Errorf("a node that is none: %v", err)
	}
	if _, err := r.Deputy(mac(0), two); !errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDeputy) {
		t.Errorf("a wrong token: %v", err)
	}
	if all := r.Deputies(); len(all) != 1 || all[0].MAC != mac(0) {
		t.Errorf("%+v", all)
	}
}

func TestServerLearnsWhatADeputyDid(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk}, spec.NodeSpec{Name: "pc2", Image: desk}, spec.NodeSpec{Name: "pc3", Image: desk})
	_, silent := join(t, r, request(8, 1))
	join(t, r, request(0, 1))
	r.Observe(spec.MachineEvent{MAC: mac(1), Stage: spec.StageFirmware})
	d := deputyOf(t, r)

	join(t, d, request(0, 2))             // it started again
	_, token := join(t, d, request(1, 1)) // it is new
	join(t, d, request(2, 1))             // there is no name for it
	report := spec.Report{
		MAC: mac(1), Token: token, Boot: []spec.StageTime{{Stage: spec.StageJoined, At: start}},
		Steps: []spec.StepResult{{ID: "a", Status: spec.StepFailed, Output: "oh"}}, BytesRead: 7, Warnings: []string{"full"},
	}
	if err := d.Report(report); err != nil {
		t.Fatal(err)
	}
	if macs, passed := tell(t, d, r); macs != mac(0)+" "+mac(1) || passed != "" {
		t.Errorf("told of %s, passed over %s", macs, passed)
	}
	if macs, _ := tell(t, d, r); macs != "" {
		t.Errorf("told again of %s", macs)
	}
	all := r.Machines()
	names := []string{}
	for _, m := range all {
		names = append(names, m.Node+" "+m.BootID)
	}
	want := []string{"pc1 " + request(8, 1).BootID, "pc2 " + request(0, 2).BootID, "pc3 " + request(1, 1).BootID}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	if m := all[2]; stages(m) != "firmware network joined" || m.BytesRead != 7 || m.Steps[0].Output != "oh" || m.HostKey == "" || m.Facts == nil || len(m.Warnings) != 1 {
		t.Errorf("%+v", m)
	}
	for mac, token := range map[string]string{mac(1): token, mac(8): silent} {
		if err := r.Report(spec.Report{MAC: mac, Token: token}); err != nil {
			t.Errorf("a report after that: %v", err)
		}
	}
}

func TestWhatTheServerKnowsComesFirst(t *testing.T) {
	free := func(name string) spec.NodeSpec { return spec.NodeSpec{Name: name, Image: desk} }
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, r *Roster)
		passed    string // why machine 1, which the deputy let in as pc1, is passed over
		want      string // what machine 1 is called when it joins again
	}{
		"nothing":            {func(*testing.T, *Roster) {}, "", "pc1"},
		"the name was given": {func(t *testing.T, r *Roster) { join(t, r, request(5, 1)) }, "that is machine " + mac(5) + " by now", "pc2"},
		"the machine was listed": {
			func(t *testing.T, r *Roster) { put(t, r, spec.NodeSpec{Name: "boss", Image: desk, MAC: mac(1)}) }, "it is boss by now", "boss",
		},
		"the node was removed": {func(t *testing.T, r *Roster) { _ = r.RemoveNode("pc1") }, "no such node", "pc2"},
		"the node was closed": {
			func(t *testing.T, r *Roster) {
				put(t, r, spec.NodeSpec{Name: "pc1", Image: desk, Admission: spec.AdmitListed})
			}, "may not have", "pc2",
		},
		"it needs approval": {
			func(t *testing.T, r *Roster) {
				put(t, r, spec.NodeSpec{Name: "pc1", Image: desk, Admission: spec.AdmitApprove})
			}, "may not have", "pc2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh(t)
			put(t, r, free("pc1"), free("pc2"))
			d := deputyOf(t, r)
			given, token := join(t, d, request(1, 1))
			if given != "pc1" {
				t.Fatal(given)
			}
			c.meanwhile(t, r)
			if _, passed := tell(t, d, r); c.passed == "" && passed != "" || !strings.Contains(passed, c.passed) {
				t.Errorf("passed over: %q", passed)
			}
			if err := r.Report(spec.Report{MAC: mac(1), Token: token}); errors.Is(err, ErrRefused) != (c.passed != "") {
				t.Errorf("its report: %v", err)
			}
			if got, _ := join(t, r, request(1, 1)); got != c.want {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestLaterBootStays(t *testing.T) {
	r, err := Open(Config{Path: filepath.Join(t.TempDir(), "roster.json"), Cluster: cluster, Now: (&clock{start.Add(2 * time.Hour)}).Now})
	if err != nil {
		t.Fatal(err)
	}
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	d := deputyOf(t, r) // an hour earlier
	join(t, d, request(1, 1))
	_, token := join(t, r, request(1, 2))
	if _, passed := tell(t, d, r); passed != "" {
		t.Error(passed)
	}
	if err := r.Report(spec.Report{MAC: mac(1), Token: token}); err != nil || r.Machines()[0].BootID != request(1, 2).BootID {
		t.Errorf("%v, %+v", err, r.Machines()[0])
	}
}

func TestWhatWasNotTakenIsToldAgain(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	d := deputyOf(t, r)
	_, token := join(t, d, request(1, 1))
	stop := errors.New("the line was cut")
	if err := d.Tell(func([]spec.MachineRecord) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	// Another deputy takes over, and its process starts anew.
	second := deputyOf(t, d)
	path := second.config.Path
	second, err := Open(Config{Path: path, Cluster: cluster, Deputy: true})
	if err != nil {
		t.Fatal(err)
	}
	if macs, passed := tell(t, second, r); macs != mac(1) || passed != "" {
		t.Errorf("told of %q, passed over %q", macs, passed)
	}
	if err := r.Report(spec.Report{MAC: mac(1), Token: token}); err != nil {
		t.Error(err)
	}
}

func TestPartsAreBounded(t *testing.T) {
	d := deputyOf(t, fresh(t))
	for n := range 100 {
		_, err := d.putNode(spec.NodeSpec{Name: fmt.Sprint("pc", n), MAC: mac(n)})
		response, _, joinErr := d.join(request(n, 1)) // without a file
		if err != nil || joinErr != nil {
			t.Fatal(err, joinErr)
		}
		big := spec.StepResult{ID: "a", Output: strings.Repeat("\"", maxOutput)}
		results := slices.Repeat([]spec.StepResult{big}, 20)
		for i := range results {
			results[i].ID = strings.Repeat("i", i+1)
		}
		if err := d.Report(spec.Report{MAC: mac(n), Token: response.Token, Steps: results}); err != nil {
			t.Fatal(err)
		}
	}
	count, machines := 0, 0
	err := d.Tell(func(part []spec.MachineRecord) error {
		data, err := json.Marshal(part)
		if len(data) > maxPart+1000 {
			t.Errorf("a part of %d bytes", len(data))
		}
		count, machines = count+1, machines+len(part)
		return err
	})
	if err != nil || count < 2 || machines != 100 {
		t.Errorf("%d parts, %d machines, %v", count, machines, err)
	}
}

func TestNonsenseIsNotMerged(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	d := deputyOf(t, r)
	join(t, d, request(1, 1))
	good := d.Kit().Machines[0]
	for want, spoil := range map[string]func(*spec.MachineRecord){
		"no MAC address": func(m *spec.MachineRecord) { m.Machine.MAC = "x" },
		"no boot ID":     func(m *spec.MachineRecord) { m.Machine.BootID = "" },
		"its host key":   func(m *spec.MachineRecord) { m.Machine.HostKey = "x" },
		"a public key":   func(m *spec.MachineRecord) { m.PublicKey = []byte("x") },
		"token":          func(m *spec.MachineRecord) { m.Token = "x" },
	} {
		bad := good
		spoil(&bad)
		if passed, err := r.Merge([]spec.MachineRecord{bad}); err != nil || len(passed) != 1 || !strings.Contains(passed[0].Error(), want) {
			t.Errorf("want %q, got %v, %v", want, passed, err)
		}
	}
	if all := r.Machines(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	join(t, r, request(1, 1))
	thief := good
	thief.Machine.HostKey = hostKey(99)
	if passed, _ := r.Merge([]spec.MachineRecord{thief}); len(passed) != 1 || !errors.Is(passed[0], ErrRefused) {
		t.Errorf("another key in the same boot: %v", passed)
	}
}

func FuzzKit(f *testing.F) {
	r := unsaved()
	for _, n := range []spec.NodeSpec{{Name: "pc1", Image: desk, Steps: steps("a", "b")}, {Name: "pc2", Steps: steps("b")}} {
		if _, err := r.putNode(n); err != nil {
			f.Fatal(err)
		}
	}
	if _, _, err := r.join(request(0, 1)); err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(r.Kit())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		var k spec.Kit
		d := unsaved()
		if spec.Decode(data, &k) != nil || d.use(&k) != nil {
			return
		}
		first := d.Kit()
		again := unsaved()
		if err := again.use(first); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again.Kit(), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzMerge(f *testing.F) {
	q := request(0, 1)
	good, err := json.Marshal(spec.MachineRecord{
		Machine: spec.Machine{MAC: q.MAC, Node: "pc1", BootID: q.BootID, Image: desk, HostKey: q.HostKey, LastSeen: start, Boot: q.Boot},
		Token:   newToken(),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m spec.MachineRecord
		if spec.Decode(data, &m) != nil {
			return
		}
		r := unsaved()
		if _, err := r.putNode(spec.NodeSpec{Name: "pc1", Image: desk}); err != nil {
			t.Fatal(err)
		}
		if r.mergeOne(m) != nil {
			return
		}
		file, _, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		again := unsaved()
		if err := again.decode(file); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Machines(), again.Machines(), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}
