package fleet_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/providers/fleet"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

// newNodes starts agents of nodes beside those of the servers, and one machine more, which does not answer.
func newNodes(t *testing.T, f *fleet.Fleet, count int) (nodes []*sshtest.Server, machines []spec.Machine) {
	t.Helper()
	ca, err := trust.Open(f.Agents.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range count + 1 {
		address := fmt.Sprintf("127.0.4.%d", i+1)
		var s *sshtest.Server
		if i < count {
			s = sshtest.Serve(t, ca, "", net.JoinHostPort(address, fmt.Sprint(f.Agents.Port)))
			nodes = append(nodes, s)
		} else {
			s = nodes[0]
		}
		machines = append(machines, spec.Machine{
			Node: fmt.Sprintf("pc%d", i+1), Address: address, Boot: []spec.StageTime{{Stage: spec.StageJoined}},
			HostKey: strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(s.HostKey))),
		})
	}
	return nodes, machines
}

func TestFieldOfAllNodes(t *testing.T) {
	f, _, _, _ := newFleet(t)
	nodes, machines := newNodes(t, f, 2)
	nodes[0].Handle(spec.OpFieldStatus, func(*sshtest.Call) (any, error) {
		return field.Status{Self: field.Member{Name: "pc1"}, SeedMayGo: true}, nil
	})
	nodes[1].Handle(spec.OpFieldStatus, func(*sshtest.Call) (any, error) { return nil, errors.New("no member") })
	for range 2 {
		views := f.Field(t.Context(), machines)
		if len(views) != 3 || views[0].Status == nil || !views[0].Status.SeedMayGo || views[1].Status != nil || views[1].Error != "no member" ||
			views[2].Status != nil || !strings.Contains(views[2].Error, "refused") {
			t.Errorf("%+v", views)
		}
		nodes[0].Drop() // a connection that has ended is made anew
	}
	nodes[0].Handle(spec.OpFieldMap, func(c *sshtest.Call) (any, error) {
		var image spec.Named
		err := spec.Decode(c.Args, &image)
		return []field.Range{{Length: 7, From: image.Name}}, err
	})
	ranges, err := f.FieldMap(t.Context(), machines[0], "sha256:1")
	if diff := cmp.Diff([]field.Range{{Length: 7, From: "sha256:1"}}, ranges); diff != "" || err != nil {
		t.Error(diff, err)
	}
	nodes[1].Handle(spec.OpFieldWish, func(*sshtest.Call) (any, error) { return struct{}{}, nil })
	told := f.Wish(t.Context(), machines[:2], spec.FieldWish{Name: "pc7", Prefer: 2})
	if len(told) != 2 || !strings.Contains(told[0].Error, "cannot do field.wish") || told[1] != (fleet.Told{Node: "pc2"}) {
		t.Errorf("%+v", told)
	}
}

func TestJoined(t *testing.T) {
	at := func(node string, stages ...spec.Stage) (m spec.Machine) {
		m.Node = node
		for _, s := range stages {
			m.Boot = append(m.Boot, spec.StageTime{Stage: s})
		}
		return m
	}
	joined := fleet.Joined([]spec.Machine{
		at("pc1"), at("pc2", spec.StageInit), at("pc3", spec.StageJoined), at("pc4", spec.StageJoined, spec.StageLeft), at("", spec.StageJoined),
	})
	if len(joined) != 1 || joined[0].Node != "pc3" {
		t.Errorf("%+v", joined)
	}
}

// view is what a node says of one image.
func view(node string, needed string, inUse bool, began int64, replicas ...int) fleet.FieldView {
	return fleet.FieldView{Node: node, Status: &field.Status{SeedMayGo: needed == "", SeedNeeded: needed, Images: []field.ImageStatus{{
		ID: "sha256:1", Chunks: 10, InUse: inUse, Replicas: replicas, Coverage: []field.Coverage{{Time: time.Unix(began, 0)}},
	}}}}
}

func TestSummarize(t *testing.T) {
	views := []fleet.FieldView{
		view("pc10", "", true, 30, 0, 0, 10), view("pc2", "", true, 10, 0, 5, 5), view("pc3", "", false, 20, 9, 1, 0), view("pc4", "", true, 20, 0, 1, 9),
	}
	s := fleet.Summarize(views)
	want := []fleet.FieldImage{{
		ID: "sha256:1", Chunks: 10, UsedBy: []string{"pc2", "pc4", "pc10"}, SeenBy: "pc2", Replicas: []int{0, 5, 5},
		Coverage: []field.Coverage{{Time: time.Unix(10, 0)}},
	}}
	if diff := cmp.Diff(want, s.Images); diff != "" || !s.SeedMayGo || s.SeedNeeded != "" {
		t.Errorf("%s, %+v", diff, s)
	}
	for name, c := range map[string]struct {
		more fleet.FieldView
		why  string
	}{
		"one needs it":      {view("pc5", "2 chunks are on fewer", true, 1), "pc5: 2 chunks are on fewer"},
		"one says nothing":  {fleet.FieldView{Node: "pc5", Error: "no member"}, "pc5: no member"},
		"one has no images": {fleet.FieldView{Node: "pc5", Status: &field.Status{SeedNeeded: "alone"}}, "pc5: alone"},
	} {
		if s := fleet.Summarize(append(views[:4:4], c.more)); s.SeedMayGo || s.SeedNeeded != c.why {
			t.Errorf("%s: %v, %q", name, s.SeedMayGo, s.SeedNeeded)
		}
	}
	if s := fleet.Summarize(nil); s.SeedMayGo {
		t.Error("the seed may go where there is no node")
	}
}

// said is what pc1 says at a time, having read so many bytes from pc2.
func said(id field.MemberID, second int64, chunks, bytes int64) []fleet.FieldView {
	return []fleet.FieldView{{Node: "pc1", Status: &field.Status{
		Self: field.Member{ID: id}, Time: time.Unix(second, 0), Reads: field.Reads{Chunks: chunks, FromNodes: bytes},
		Members: []field.MemberStatus{{Member: field.Member{ID: "pc2/1", Name: "pc2"}, Bytes: bytes, Chunk: time.Second, Connected: true}},
	}}}
}

func TestTrafficBetween(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []fleet.FieldView
		readers       int
		rate          float64
	}{
		"grown":                {said("a", 10, 1, 1000), said("a", 12, 3, 5000), 1, 2000},
		"another life":         {said("a", 10, 1, 1000), said("b", 12, 3, 5000), 0, 0},
		"a new process":        {said("a", 10, 9, 9000), said("a", 12, 3, 5000), 0, 0},
		"the clock stood":      {said("a", 10, 1, 1000), said("a", 10, 3, 5000), 1, 0},
		"the clock went back":  {said("a", 10, 1, 1000), said("a", 5, 3, 5000), 1, 0},
		"a counter went back":  {said("a", 10, 1, 5000), said("a", 12, 3, 1000), 1, 0},
		"it said nothing then": {[]fleet.FieldView{{Node: "pc1", Error: "x"}}, said("a", 12, 3, 5000), 0, 0},
	} {
		got := fleet.TrafficBetween(c.before, c.after)
		if got.Readers != c.readers || got.FromNodes != c.rate || len(got.Sources) != 1 || got.Sources[0].Rate != c.rate || got.Sources[0].Chunk != time.Second {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := fleet.TrafficBetween(said("a", 1, 1, 1), []fleet.FieldView{{Node: "pc1", Error: "x"}}); got.Readers != 0 || len(got.Sources) != 0 {
		t.Errorf("it says nothing now: %+v", got)
	}
}
