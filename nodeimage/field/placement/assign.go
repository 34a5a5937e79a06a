package placement

import (
	"hash/fnv"
	"math"
)

// reserve is how many more candidates than replicas are remembered for each chunk, for when the best ones are full.
const reserve = 3

// assigner makes a Plan.
type assigner struct {
	nodes  []Node
	room   []int // slots left of each node
	free   int   // slots left of all
	depth  int   // candidates of each chunk
	seeds  []uint64
	ranked []uint16  // depth for each chunk: the best nodes
	found  []uint16  // of the chunk at hand, and
	scores []float64 // their scores
}

func newAssigner(nodes []Node, replicas int) *assigner {
	a := &assigner{nodes: nodes, room: make([]int, len(nodes))}
	able := 0
	for i, n := range nodes {
		if a.room[i] = max(0, n.Slots); a.room[i] > 0 {
			able++
		}
		a.free += a.room[i]
	}
	a.depth = min(able, replicas+reserve)
	a.found, a.scores = make([]uint16, a.depth), make([]float64, a.depth)
	return a
}

// rank finds the candidates of all chunks.
func (a *assigner) rank(images []Image) {
	for _, image := range images {
		for chunk := range image.Chunks {
			seed := mix(image.Key + uint64(chunk)*0x9e3779b97f4a7c15)
			a.seeds = append(a.seeds, seed)
			a.ranked = append(a.ranked, a.best(seed)...)
		}
	}
}

// best returns the nodes with the lowest scores, the lowest first. The slice is valid until the next call.
func (a *assigner) best(seed uint64) []uint16 {
	found := a.found[:0]
	for i, n := range a.nodes {
		if n.Slots <= 0 {
			continue
		}
		s, at := score(seed, n), len(found)
		if at == a.depth && s >= a.scores[at-1] {
			continue
		}
		if at < a.depth {
			found = append(found, 0)
		} else {
			at--
		}
		for ; at > 0 && s < a.scores[at-1]; at-- {
			a.scores[at], found[at] = a.scores[at-1], found[at-1]
		}
		a.scores[at], found[at] = s, uint16(i)
	}
	return found
}

// place finds the next owner of a chunk; those before it stand in owners already.
func (a *assigner) place(owners []uint16, replica, chunk int) {
	if replica > 0 && owners[replica-1] == none {
		return
	}
	for _, candidate := range a.ranked[chunk*a.depth:][:a.depth] {
		if a.take(owners, replica, candidate) {
			return
		}
	}
	lowest, at := math.Inf(1), -1
	for i, n := range a.nodes { // all candidates are full
		if s := score(a.seeds[chunk], n); a.room[i] > 0 && s < lowest && !contains(owners[:replica], uint16(i)) {
			lowest, at = s, i
		}
	}
	if at >= 0 {
		a.take(owners, replica, uint16(at))
	}
}

func (a *assigner) take(owners []uint16, replica int, node uint16) bool {
	if a.room[node] == 0 || contains(owners[:replica], node) {
		return false
	}
	a.room[node]--
	a.free--
	owners[replica] = node
	return true
}

func contains(owners []uint16, node uint16) bool {
	for _, o := range owners {
		if o == node {
			return true
		}
	}
	return false
}

// score is exponentially distributed with the node's weight as rate: the lowest of several is each node's as often as its weight says.
func score(seed uint64, n Node) float64 {
	uniform := (float64(mix(seed^n.Key)>>11) + 0.5) / (1 << 53)
	return -math.Log(uniform) / float64(n.Slots)
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Key returns the key of a machine or an image from its name.
func Key(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return mix(h.Sum64())
}
