package roster

import (
	"cmp"
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

// listed returns the name of the node with this MAC, or "". r.mu is held.
func (r *Roster) listed(mac string) string {
	for _, n := range r.nodes {
		if n.MAC == mac {
			return n.Name
		}
	}
	return ""
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
		rec.Machine.Node, rec.Machine.Pending, rec.Token = n.Name, time.Time{}, ""
		r.touch(rec)
	}
}

// How long a machine may say nothing before it no longer counts as there, and before its image may be removed by itself: a machine
// whose cable was pulled out goes on from its root when it is back.
const (
	silence     = 2 * time.Minute
	longSilence = 24 * time.Hour
)

// UserOf returns the name of a node that an image is needed for: one that is to boot it, or one whose machine runs it and was heard of
// within the last two minutes; "" if there is none.
func (r *Roster) UserOf(image spec.Digest) string {
	users := r.users(image, func(m spec.Machine, silent time.Duration) bool { return m.Node != "" && silent < silence })
	if len(users) == 0 {
		return ""
	}
	return users[0]
}

// UsersOf returns all that an image may be needed for, sorted: the names of nodes that are to boot it, and of machines that run it and
// were heard of within the last day; those without a name by MAC address.
func (r *Roster) UsersOf(image spec.Digest) []string {
	return r.users(image, func(_ spec.Machine, silent time.Duration) bool { return silent < longSilence })
}

func (r *Roster) users(image spec.Digest, runs func(m spec.Machine, silent time.Duration) bool) []string {
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
		if m.Image == image && m.Stage() != spec.StageLeft && runs(m, r.config.Now().Sub(m.LastSeen)) {
			users = append(users, cmp.Or(m.Node, m.MAC))
		}
	}
	slices.SortFunc(users, natural.Compare)
	return slices.Compact(users)
}
