package sshd

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

const (
	// maxWaiting and maxFrom bound how many clients may be proving themselves: in all, and from one address.
	maxWaiting = 64
	maxFrom    = 8
)

// door is where clients stand that have not proved themselves. Anybody on the network can come there, so it is never closed: when
// it is full, another one is sent away for each that comes. It is safe for concurrent use.
type door struct {
	mu      sync.Mutex // guards waiting
	waiting []*guest   // in the order in which they came
}

type guest struct {
	conn net.Conn
	from netip.Prefix
}

// enter lets a client stand at the door. If there is no room, the one that is there for longest is closed: of the same address, or of
// that which has the most.
func (d *door) enter(conn net.Conn) *guest {
	g := &guest{conn: conn, from: origin(conn.RemoteAddr())}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch counts := d.counts(); {
	case counts[g.from] >= maxFrom:
		d.sendAway(g.from)
	case len(d.waiting) >= maxWaiting:
		most := d.waiting[0].from
		for _, other := range d.waiting {
			if counts[other.from] > counts[most] {
				most = other.from
			}
		}
		d.sendAway(most)
	}
	d.waiting = append(d.waiting, g)
	return g
}

// leave takes a client off the door. It returns false if the client was sent away meanwhile.
func (d *door) leave(g *guest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.waiting, g)
	if i < 0 {
		return false
	}
	d.waiting = slices.Delete(d.waiting, i, i+1)
	return true
}

func (d *door) counts() map[netip.Prefix]int {
	counts := map[netip.Prefix]int{}
	for _, g := range d.waiting {
		counts[g.from]++
	}
	return counts
}

// sendAway closes the client of an address that is there for longest; d.mu is held.
func (d *door) sendAway(from netip.Prefix) {
	i := slices.IndexFunc(d.waiting, func(g *guest) bool { return g.from == from })
	_ = d.waiting[i].conn.Close() // its goroutine sees that
	d.waiting = slices.Delete(d.waiting, i, i+1)
}

// origin is what counts as one address: of IPv6 the network, in which a machine can have as many as it likes.
func origin(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits) // bits fit
	return p
}
