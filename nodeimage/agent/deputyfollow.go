package agent

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"

	"viver/nodeimage/natural"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

// maxAsked bounds how many are asked in one round who they are: anybody on the link can answer to mDNS.
const maxAsked = 64

// colleague is a server or a deputy that has answered.
type colleague struct {
	spec.Presence
	address string
}

// look asks all that are known who they are, at the same time, and returns those that answer.
func (d *deputy) look(ctx context.Context) []colleague {
	asked := d.addresses()
	answers := make([]*spec.Presence, len(asked))
	var all sync.WaitGroup
	for i, address := range asked {
		all.Go(func() {
			if p, err := d.client.Presence(ctx, address); err == nil {
				answers[i] = p
			}
		})
	}
	all.Wait()
	var found []colleague
	for i, p := range answers {
		if p != nil {
			found = append(found, colleague{*p, asked[i]})
		}
	}
	return found
}

// addresses returns where servers and deputies may be: those of this machine's own list first, then where the kit has deputies.
func (d *deputy) addresses() []string {
	list := slices.Clone(d.servers())
	for _, m := range d.roster.Deputies() {
		if m.Address != "" && m.MAC != d.mac {
			list = append(list, net.JoinHostPort(m.Address, strconv.Itoa(spec.PortJoin)))
		}
	}
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(a string) bool { had := seen[a]; seen[a] = true; return had })
	return list[:min(len(list), maxAsked)]
}

// superiors returns those whom self is to follow, in the order in which it is to ask them. If there are none, self is the one to admit machines.
//
// Any server is. Without one it is a deputy that admits machines already, of several the first by name; if self admits machines too, as both
// have come together just now, only one before it. While none does, the first by name of those that could begin is waited for.
func superiors(self spec.Presence, others []colleague) []colleague {
	var servers, deputies []colleague
	for _, o := range others {
		before := natural.Compare(o.Name, self.Name) < 0
		switch {
		case !o.Deputy:
			servers = append(servers, o)
		case o.Name == self.Name: // found by its own announcement
		case o.Admits && (before || !self.Admits), o.Ready && before && !self.Admits:
			deputies = append(deputies, o)
		}
	}
	if len(servers) > 0 {
		return servers
	}
	slices.SortStableFunc(deputies, func(a, b colleague) int {
		if a.Admits != b.Admits {
			if a.Admits {
				return -1
			}
			return 1
		}
		return natural.Compare(a.Name, b.Name)
	})
	return deputies[:min(len(deputies), 1)]
}

// follow leaves the admitting to those above, and learns from them. If none of them knows this machine, its reports are refused as well, and it
// joins again.
func (d *deputy) follow(ctx context.Context, above []colleague) {
	var errs []error
	for _, c := range above {
		if !c.Admits {
			continue // it waits as this one does
		}
		err := d.learn(ctx, c)
		if err == nil {
			d.trouble, d.refused = "", false
			return
		}
		if errors.Is(err, join.ErrNoDeputy) {
			d.drop("so says " + c.Name)
			return
		}
		errs = append(errs, err)
	}
	d.admit(false)
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		d.refused = d.refused || errors.Is(err, join.ErrRefused)
		d.complain(err)
	}
}

// learn tells one above what was noted, ceases to admit machines, and takes its kit.
func (d *deputy) learn(ctx context.Context, c colleague) error {
	who := join.Proof{MAC: d.mac, Token: d.joined().Token}
	have := d.tag()
	tell := func(part []spec.MachineRecord) error {
		have = "" // this roster has more than the kit, and not all of it may be taken
		return d.client.HandOver(ctx, c.address, who, spec.Handover{Machines: part})
	}
	// The most is told while machines are still answered here: one that was refused there before would have to join again.
	if err := d.roster.Tell(tell); err != nil {
		return err
	}
	if d.admit(false) {
		d.log.Info("this machine leaves it to another to admit machines", "to", c.Name)
		if err := d.roster.Tell(tell); err != nil {
			return err
		}
	}
	kit, err := d.client.Kit(ctx, c.address, who, have)
	if err != nil || kit == nil {
		return err
	}
	return d.take(kit)
}
