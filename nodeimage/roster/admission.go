package roster

import (
	"fmt"
	"slices"
	"time"

	"viver/nodeimage/natural"
	"viver/nodeimage/spec"
)

// bind gives a machine without a name the first free one of its image that it may have, in natural order. reason says why there is
// none; r.mu is held.
func (r *Roster) bind(rec *record, image spec.Digest) (reason string) {
	taken := map[string]bool{}
	for _, other := range r.machines {
		taken[other.Machine.Node] = true
	}
	var free, approved []string // names for any machine, and those for approved ones
	wanted := 0
	for _, n := range r.nodes {
		if !isOpen(n, image) {
			continue
		}
		wanted++
		switch {
		case taken[n.Name]:
		case n.Admission == spec.AdmitApprove:
			approved = append(approved, n.Name)
		default:
			free = append(free, n.Name)
		}
	}
	if rec.Approved {
		free = append(free, approved...)
	}
	m := &rec.Machine
	switch {
	case len(free) > 0:
		m.Node = slices.MinFunc(free, natural.Compare)
	case len(approved) > 0:
		if m.Pending.IsZero() {
			m.Pending = r.config.Now()
		}
		return fmt.Sprintf("it waits for approval: viver nodes approve %s", m.MAC)
	default:
		reason = whyNot(wanted, image)
	}
	m.Pending = time.Time{}
	return reason
}

// isOpen reports whether a machine with this image that no node lists may become n, some of them with an operator's approval.
func isOpen(n spec.NodeSpec, image spec.Digest) bool {
	return n.MAC == "" && n.Image == image && n.Admission != spec.AdmitListed
}

// mayBecome reports whether a machine may be bound to a node that nobody else is bound to.
func (rec *record) mayBecome(n spec.NodeSpec, image spec.Digest) bool {
	return n.MAC == rec.Machine.MAC || isOpen(n, image) && (n.Admission != spec.AdmitApprove || rec.Approved)
}

func whyNot(wanted int, image spec.Digest) string {
	short := string(image[:min(len(image), len("sha256:")+12)])
	if wanted == 0 {
		return fmt.Sprintf("no node that any machine may become boots image %s: add one, or give a node this machine's MAC", short)
	}
	return fmt.Sprintf("all %d names for image %s are taken: raise the node's count, or give a node this machine's MAC", wanted, short)
}

// Approve lets machines in that wait for it, or will. It returns those that are known; the others are left out.
func (r *Roster) Approve(a spec.Approval) ([]spec.Machine, error) {
	macs := map[string]bool{}
	for _, m := range a.MACs {
		mac, err := cleanMAC(m)
		if err != nil {
			return nil, err
		}
		macs[mac] = true
	}
	return r.approve(macs, a.All), r.Save()
}

func (r *Roster) approve(macs map[string]bool, all bool) []spec.Machine {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[string]bool{}
	for mac, rec := range r.machines {
		waits := !rec.Machine.Pending.IsZero() && r.config.Now().Sub(rec.Machine.LastSeen) < silence
		if macs[mac] || all && waits {
			known[mac] = true
			rec.Approved, rec.Machine.Pending = true, time.Time{}
			r.touch(rec)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return r.snapshot(known)
}
