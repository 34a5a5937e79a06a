// Package placement decides which machines hold which chunks of which images.
//
// It owns that decision as a pure function of what is known of the machines, and nothing else: no machine is told, no chunk moves.
// All machines that know the same of each other come to the same result, so nobody has to be asked.
//
// It is weighted rendezvous hashing (Thaler and Ravishankar 1998; the weights after Schindelhauer and Schomaker 2005): each chunk goes to
// the machines with the best scores for it. A machine that comes or goes changes the places of its own chunks and of no others, unless
// memory is so short that machines are full.
package placement

import "math"

// Node is a machine that can hold chunks.
type Node struct {
	// Key identifies the machine; see Key. Two machines must not have the same.
	Key uint64
	// Slots is how many chunks its memory has room for, and its weight. A machine with zero or fewer holds none.
	Slots int
}

// Image is what is to be held.
type Image struct {
	Key    uint64 // identifies the image; see Key
	Chunks int    // how many it has
	// Running says that machines need it now: it has all its places before any image has one that nobody runs.
	Running bool
}

// maxNodes is how many machines can be told apart in a Plan.
const maxNodes = math.MaxUint16

// none stands for no machine.
const none = math.MaxUint16

// Plan says who holds what. The zero value is a plan for no image. It does not change, so it is safe for concurrent use.
type Plan struct {
	replicas int
	first    []int    // of each image: the number of its first chunk
	owners   []uint16 // replicas for each chunk: indices of nodes, the first owner first; none where memory did not suffice
}

// Assign places the images on the nodes: each chunk on so many different ones, as far as there are such and they have room. When
// there is too little room, all chunks of the images that run are placed once before any is placed twice; what they leave goes to the
// others in the same way. Of those that are alike the images that stand first are placed first.
func Assign(nodes []Node, images []Image, replicas int) Plan {
	nodes = nodes[:min(len(nodes), maxNodes)]
	p := Plan{replicas: max(0, replicas), first: make([]int, len(images)+1)}
	for i, image := range images {
		p.first[i+1] = p.first[i] + image.Chunks
	}
	p.owners = make([]uint16, p.first[len(images)]*p.replicas)
	for i := range p.owners {
		p.owners[i] = none
	}
	a := newAssigner(nodes, p.replicas)
	a.rank(images)
	p.fill(a, images, true)
	p.fill(a, images, false)
	return p
}

// fill places the images that run, or the others.
func (p Plan) fill(a *assigner, images []Image, running bool) {
	for replica := range p.replicas {
		for i, image := range images {
			for chunk := p.first[i]; image.Running == running && chunk < p.first[i+1]; chunk++ {
				if a.free == 0 {
					return
				}
				a.place(p.owners[chunk*p.replicas:][:p.replicas], replica, chunk)
			}
		}
	}
}

// Owners returns the nodes that are to hold a chunk, as indices of what Assign was given, the first owner first. There may be fewer
// than was asked for. The result must not be changed.
func (p Plan) Owners(image, chunk int) []uint16 {
	at := p.first[image] + chunk
	owners := p.owners[at*p.replicas : (at+1)*p.replicas : (at+1)*p.replicas]
	for i, o := range owners {
		if o == none {
			return owners[:i]
		}
	}
	return owners
}

// Rank returns which owner of a chunk a node is, 0 for the first, and -1 if it is none.
func (p Plan) Rank(image, chunk, node int) int {
	for i, o := range p.Owners(image, chunk) {
		if int(o) == node {
			return i
		}
	}
	return -1
}
