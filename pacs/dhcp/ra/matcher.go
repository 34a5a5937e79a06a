package ra

import (
	"net/netip"
	"time"
)

// How long a machine's DHCP and its solicitation may be apart, in either order, to belong to one iPXE.
const (
	bootTime = time.Minute
	waitTime = 15 * time.Second
	maxKnown = 8192 // machines remembered
)

// matcher brings solicitations together with machines that are known to run iPXE: the two come in any order. Not safe for concurrent use.
type matcher struct {
	seen    map[string]time.Time // MAC -> its last DHCP packet as iPXE
	waiting map[string]waiter    // MAC -> its solicitation, unanswered
	swept   time.Time
}

type waiter struct {
	from netip.Addr
	at   time.Time
}

func newMatcher() *matcher {
	return &matcher{seen: map[string]time.Time{}, waiting: map[string]waiter{}}
}

// solicited notes a solicitation and says whether to answer it now.
func (m *matcher) solicited(q query, now time.Time) bool {
	if at, ok := m.seen[q.mac]; ok && now.Sub(at) <= bootTime {
		return true
	}
	m.sweep(now)
	if len(m.waiting) < maxKnown {
		m.waiting[q.mac] = waiter{q.from, now}
	}
	return false
}

// booting notes that a machine runs iPXE and returns the address to answer to, if it has asked already.
func (m *matcher) booting(mac string, now time.Time) (netip.Addr, bool) {
	m.sweep(now)
	if len(m.seen) < maxKnown {
		m.seen[mac] = now
	}
	w, ok := m.waiting[mac]
	delete(m.waiting, mac)
	return w.from, ok && now.Sub(w.at) <= waitTime
}

// sweep forgets what is old, once in a while.
func (m *matcher) sweep(now time.Time) {
	if now.Sub(m.swept) < waitTime {
		return
	}
	m.swept = now
	for mac, at := range m.seen {
		if now.Sub(at) > bootTime {
			delete(m.seen, mac)
		}
	}
	for mac, w := range m.waiting {
		if now.Sub(w.at) > waitTime {
			delete(m.waiting, mac)
		}
	}
}
