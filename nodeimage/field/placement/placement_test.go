package placement_test

import (
	"fmt"
	"slices"
	"testing"

	"viver/nodeimage/field/placement"
)

const chunks = 2160 // of 540 MiB

var image = []placement.Image{{Key: placement.Key("image"), Chunks: chunks}}

// room returns so many machines, each with room for slots chunks.
func room(count, slots int) []placement.Node {
	var nodes []placement.Node
	for i := range count {
		nodes = append(nodes, placement.Node{Key: placement.Key(fmt.Sprintf("pc%02d", i)), Slots: slots})
	}
	return nodes
}

// keys returns the owners of a chunk by key.
func keys(p placement.Plan, nodes []placement.Node, chunk int) (list []uint64) {
	for _, o := range p.Owners(0, chunk) {
		list = append(list, nodes[o].Key)
	}
	return list
}

// shares counts how many chunks each node holds.
func shares(t *testing.T, p placement.Plan, nodes, images, chunks int) []int {
	t.Helper()
	count := make([]int, nodes)
	for i := range images {
		for c := range chunks {
			owners := slices.Clone(p.Owners(i, c))
			for _, o := range owners {
				count[o]++
			}
			slices.Sort(owners)
			if len(slices.Compact(owners)) != len(p.Owners(i, c)) {
				t.Fatalf("chunk %d is twice on one machine: %v", c, p.Owners(i, c))
			}
		}
	}
	return count
}

func TestOnlyTheShareOfWhoComesOrGoesMoves(t *testing.T) {
	for _, count := range []int{4, 16, 200} {
		with := room(count, 4*chunks)
		goes := count / 3
		without := slices.Delete(slices.Clone(with), goes, goes+1)
		before, after := placement.Assign(with, image, 3), placement.Assign(without, image, 3)
		moved := 0
		for c := range chunks {
			b, a := keys(before, with, c), keys(after, without, c)
			if !slices.Contains(b, with[goes].Key) {
				if !slices.Equal(a, b) {
					t.Fatalf("%d machines: chunk %d moves from %x to %x, though %x did not hold it", count, c, b, a, with[goes].Key)
				}
				continue
			}
			moved++
			stay := slices.DeleteFunc(slices.Clone(b), func(k uint64) bool { return k == with[goes].Key })
			if !slices.Equal(a[:len(stay)], stay) {
				t.Fatalf("%d machines: chunk %d: who stays loses it or its rank: %x becomes %x", count, c, b, a)
			}
		}
		if want := chunks * 3 / count; moved < want/2 || moved > 2*want {
			t.Errorf("%d machines: %d chunks have moved; about %d were expected", count, moved, want)
		}
	}
}

func TestSharesFollowWeights(t *testing.T) {
	nodes := room(12, 2*chunks)
	for i := range 4 {
		nodes[i].Slots *= 3
	}
	const images = 8
	var list []placement.Image
	for i := range images {
		list = append(list, placement.Image{Key: placement.Key(fmt.Sprint("image", i)), Chunks: chunks})
	}
	count := shares(t, placement.Assign(nodes, list, 1), len(nodes), images, chunks)
	for i, n := range count {
		want := images * chunks * nodes[i].Slots / (20 * 2 * chunks)
		if n < want*85/100 || n > want*115/100 {
			t.Errorf("machine %d with %d slots holds %d chunks; about %d were expected", i, nodes[i].Slots, n, want)
		}
	}
}

func TestBudgetsAreRespected(t *testing.T) {
	nodes := room(5, 1000)
	nodes[2].Slots, nodes[3].Slots, nodes[4].Slots = 0, -1, 500
	p := placement.Assign(nodes, image, 3)
	count := shares(t, p, len(nodes), 1, chunks)
	if want := []int{1000, 1000, 0, 0, 500}; !slices.Equal(count, want) {
		t.Errorf("machines hold %v; %v were expected: there is room for no more", count, want)
	}
	for c := range chunks {
		if len(p.Owners(0, c)) == 0 {
			t.Errorf("chunk %d has no place, while others have two", c)
		}
	}
}

func TestFewMachines(t *testing.T) {
	if got := placement.Assign(nil, image, 3).Owners(0, 7); len(got) != 0 {
		t.Errorf("no machine, and the owners are %v", got)
	}
	p := placement.Assign(room(2, chunks), image, 3)
	for c := range chunks {
		if owners := p.Owners(0, c); len(owners) != 2 || p.Rank(0, c, int(owners[1])) != 1 || p.Rank(0, c, 9) != -1 {
			t.Fatalf("chunk %d of two machines is on %v", c, owners)
		}
	}
}

func TestManyReplicas(t *testing.T) {
	p := placement.Assign(room(30, chunks), image, 20)
	if got := shares(t, p, 30, 1, chunks); slices.Min(got) == 0 || len(p.Owners(0, 0)) != 20 {
		t.Errorf("shares are %v", got)
	}
}

func TestOrderOfMachinesDoesNotMatter(t *testing.T) {
	nodes := room(16, chunks)
	turned := slices.Clone(nodes)
	slices.Reverse(turned)
	p, q := placement.Assign(nodes, image, 3), placement.Assign(turned, image, 3)
	for c := range chunks {
		if a, b := keys(p, nodes, c), keys(q, turned, c); !slices.Equal(a, b) {
			t.Fatalf("chunk %d is on %x, and on %x when machines are told in another order", c, a, b)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	nodes := room(300, 4*chunks)
	b.ReportAllocs()
	for b.Loop() {
		placement.Assign(nodes, image, 3)
	}
}

// TestRunningImagesComeFirst has another image change nothing for one that runs, wherever it stands.
func TestRunningImagesComeFirst(t *testing.T) {
	nodes := room(5, chunks) // room for 5 times an image
	other, running := placement.Image{Key: placement.Key("other"), Chunks: chunks}, image[0]
	running.Running = true
	alone, both := placement.Assign(nodes, []placement.Image{running}, 3), placement.Assign(nodes, []placement.Image{other, running}, 3)
	placed := 0
	for c := range chunks {
		if a, b := alone.Owners(0, c), both.Owners(1, c); !slices.Equal(a, b) {
			t.Fatalf("chunk %d moves from %v to %v as another image comes", c, a, b)
		}
		placed += len(both.Owners(0, c))
	}
	if placed != 2*chunks {
		t.Errorf("the other image has %d places: %d are left for it", placed, 2*chunks)
	}
}
