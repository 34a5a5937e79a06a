package roster

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
)

func TestApproval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.json")
	now := start
	begin := func() *Roster {
		t.Helper()
		r, err := Open(Config{Path: path, Cluster: cluster, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	approve := func(r *Roster, a spec.Approval, want int) {
		t.Helper()
		got, err := r.Approve(a)
		if err != nil || len(got) != want {
			t.Errorf("approved %+v, %v; want %d", got, err, want)
		}
	}
	r := begin()
	put(t, r,
		spec.NodeSpec{Name: "pc1", Image: desk, Admission: spec.AdmitApprove}, spec.NodeSpec{Name: "pc2", Image: desk, Admission: spec.AdmitApprove},
		spec.NodeSpec{Name: "own", Image: desk, Admission: spec.AdmitApprove, MAC: mac(9)})
	if name, _ := join(t, r, request(9, 1)); name != "own" {
		t.Errorf("a listed machine needs no approval, but %s", name)
	}
	for n := range 3 {
		if why, token := join(t, r, request(n, 1)); token != "" || !strings.Contains(why, "viver nodes approve "+mac(n)) {
			t.Errorf("machine %d is told %q", n, why)
		}
	}
	now = now.Add(time.Minute)
	join(t, r, request(0, 1))
	join(t, r, request(1, 1))
	if m := r.Machines()[1]; m.MAC != mac(0) || !m.Pending.Equal(start) || m.Facts == nil {
		t.Errorf("it waits since %v: %+v", start, m)
	}
	approve(r, spec.Approval{MACs: []string{strings.ToUpper(mac(1)), mac(77)}}, 1)
	if name, _ := join(t, r, request(1, 1)); name != "pc1" {
		t.Errorf("approved, but %s", name)
	}
	if err := r.RemoveNode("pc1"); err != nil {
		t.Fatal(err)
	}

	r = begin() // an approval outlives the agent and the node
	if name, _ := join(t, r, request(1, 2)); name != "pc2" {
		t.Errorf("approved before, but %s", name)
	}
	put(t, r, spec.NodeSpec{Name: "pc3", Image: desk, Admission: spec.AdmitApprove}, spec.NodeSpec{Name: "pc4", Image: desk, Admission: spec.AdmitApprove})
	now = now.Add(silence - time.Second) // machine 2 said nothing for too long: it was switched off
	join(t, r, request(0, 1))
	approve(r, spec.Approval{All: true}, 1)
	if name, _ := join(t, r, request(0, 1)); name != "pc3" {
		t.Errorf("approved with all, but %s", name)
	}
	if why, token := join(t, r, request(2, 1)); token != "" {
		t.Errorf("not approved, but %s", why)
	}
	approve(r, spec.Approval{}, 0)
	if _, err := r.Approve(spec.Approval{MACs: []string{"pc1"}}); err == nil {
		t.Error("a name was taken for a MAC")
	}
}

func TestAdmissionOfANode(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk, Admission: spec.AdmitListed})
	if why, token := join(t, r, request(0, 1)); token != "" || !strings.Contains(why, "no node that any machine may become") {
		t.Errorf("told %q", why)
	}
	put(t, r, spec.NodeSpec{Name: "pc2", Image: desk, Admission: spec.AdmitApprove})
	join(t, r, request(0, 1))
	put(t, r, spec.NodeSpec{Name: "own", Image: desk, MAC: mac(0)})
	if m := r.Machines()[0]; m.Node != "own" || !m.Pending.IsZero() {
		t.Errorf("it was listed by now: %+v", m)
	}
	put(t, r, spec.NodeSpec{Name: "pc3", Image: desk})
	if name, _ := join(t, r, request(1, 1)); name != "pc3" {
		t.Errorf("there was a name for any machine, but %s", name)
	}
	if _, err := r.PutNode(spec.NodeSpec{Name: "x", Admission: "maybe"}); err == nil {
		t.Error("admission maybe was taken")
	}
}
