package roster

import (
	"fmt"
	"slices"
	"time"

	"viver/nodeimage/natural"
	"viver/nodeimage/spec"
)

// boundTo returns the machine that is bound to a name, or nil; machines without a name are never meant. r.mu is held.
func (r *Roster) boundTo(name string) *record {
	for _, rec := range r.machines {
		if name != "" && rec.Machine.Node == name {
			return rec
		}
	}
	return nil
}

// unbind takes a machine's name away. It has to join again, and gets another one; r.mu is held.
func (r *Roster) unbind(rec *record) {
	rec.Machine.Node, rec.Token = "", ""
	r.touch(rec)
}

// bindListed gives a node with a MAC to the machine that has it, whoever had the name or the machine before; r.mu is held.
func (r *Roster) bindListed(n spec.NodeSpec) {
	if rec := r.boundTo(n.Name); rec != nil && rec.Machine.MAC != n.MAC {
		r.unbind(rec)
	}
	if rec := r.machines[n.MAC]; rec != nil && rec.Machine.Node != n.Name {
		rec.Machine.Node, rec.Token = n.Name, ""
		r.touch(rec)
	}
}

// bind gives a machine without a name the first free one of its image, in natural order. reason says why there is none;
// r.mu is held.
func (r *Roster) bind(rec *record, image spec.Digest) (reason string) {
	taken := map[string]bool{}
	for _, other := range r.machines {
		taken[other.Machine.Node] = true
	}
	var free []string
	wanted := 0
	for _, n := range r.nodes {
		if n.MAC != "" || n.Image != image {
			continue
		}
		wanted++
		if !taken[n.Name] {
			free = append(free, n.Name)
		}
	}
	if len(free) == 0 {
		return whyNot(wanted, image)
	}
	rec.Machine.Node = slices.MinFunc(free, natural.Compare)
	return ""
}

func whyNot(wanted int, image spec.Digest) string {
	short := string(image[:min(len(image), len("sha256:")+12)])
	if wanted == 0 {
		return fmt.Sprintf("no node that any machine may become boots image %s: add one, or give a node this machine's MAC", short)
	}
	return fmt.Sprintf("all %d names for image %s are taken: raise the node's count, or give a node this machine's MAC", wanted, short)
}

// silence is how long a machine may say nothing before it no longer counts as running.
const silence = 2 * time.Minute

// UserOf returns the name of a node that an image is needed for: one that is to boot it, or one whose machine runs it and was heard of
// within the last two minutes; "" if there is none.
func (r *Roster) UserOf(image spec.Digest) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var users []string
	for _, n := range r.nodes {
		if n.Image == image {
			users = append(users, n.Name)
		}
	}
	for _, rec := range r.machines {
		m := rec.Machine
		if m.Node != "" && m.Image == image && m.Stage() != spec.StageLeft && r.config.Now().Sub(m.LastSeen) < silence {
			users = append(users, m.Node)
		}
	}
	if len(users) == 0 {
		return ""
	}
	return slices.MinFunc(users, natural.Compare)
}
