package dhcp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// How long an address is kept aside.
const (
	offerTime   = time.Minute      // for a machine that was offered it
	declineTime = 10 * time.Minute // because a machine found somebody else using it
)

// errFull says that every address of the range is taken.
var errFull = errors.New("no address is free")

// table knows who has which address. A machine is known by its MAC, whatever it calls itself: its firmware, iPXE and its
// operating system get the same address. It keeps that address after the lease has ended, until the range is used up.
//
// It is not safe for concurrent use.
type table struct {
	first, last netip.Addr
	lease       time.Duration
	fixed       map[string]netip.Addr
	reserved    map[netip.Addr]bool // never given out from the range
	byMAC       map[string]*lease
	byAddr      map[netip.Addr]*lease
	declined    map[netip.Addr]time.Time // until when
}

// lease is one address in the hands of one machine.
type lease struct {
	mac   string
	addr  netip.Addr
	until time.Time
	bound bool // acknowledged once; otherwise only offered
}

func newTable(s *settings) *table {
	t := &table{
		first: s.first, last: s.last, lease: s.lease, fixed: s.fixed,
		reserved: map[netip.Addr]bool{s.address: true, s.router: true, s.prefix.Addr(): true, broadcast(s.prefix): true},
		byMAC:    map[string]*lease{},
		byAddr:   map[netip.Addr]*lease{},
		declined: map[netip.Addr]time.Time{},
	}
	for _, a := range s.dns {
		t.reserved[a] = true
	}
	for _, a := range s.fixed {
		t.reserved[a] = true
	}
	return t
}

// offer sets an address aside for mac: its own if it has one, else the wished one, else the first that nobody ever had, else the one that
// has been unused for longest.
func (t *table) offer(mac string, wish netip.Addr, now time.Time) (netip.Addr, error) {
	if l := t.byMAC[mac]; l != nil && t.allowed(mac, l.addr, now) {
		if aside := now.Add(offerTime); l.until.Before(aside) {
			l.until = aside
		}
		return l.addr, nil
	}
	addr, err := t.choose(mac, wish, now)
	if err != nil {
		return netip.Addr{}, err
	}
	t.put(&lease{mac: mac, addr: addr, until: now.Add(offerTime)})
	return addr, nil
}

// bind leases addr to mac. It says no when mac has another address, or addr is not to be had.
func (t *table) bind(mac string, addr netip.Addr, now time.Time) bool {
	held := t.byMAC[mac]
	if held != nil && held.bound && held.addr != addr && t.allowed(mac, held.addr, now) {
		return false
	}
	if !t.allowed(mac, addr, now) || !t.free(mac, addr, now) {
		return false
	}
	t.put(&lease{mac: mac, addr: addr, until: now.Add(t.lease), bound: true})
	return true
}

// release ends the lease of mac on addr, and says whether there was one. The address stays the machine's favourite.
func (t *table) release(mac string, addr netip.Addr, now time.Time) bool {
	l := t.byMAC[mac]
	if l == nil || l.addr != addr || !l.bound || now.After(l.until) {
		return false
	}
	l.until = now
	return true
}

// decline keeps addr aside, which mac was given but found in use by somebody else. It says whether mac had it.
func (t *table) decline(mac string, addr netip.Addr, now time.Time) bool {
	l := t.byMAC[mac]
	if l == nil || l.addr != addr {
		return false
	}
	t.drop(l)
	t.declined[addr] = now.Add(declineTime)
	return true
}

// withdraw forgets an offer that the machine did not take.
func (t *table) withdraw(mac string) {
	if l := t.byMAC[mac]; l != nil && !l.bound {
		t.drop(l)
	}
}

func (t *table) choose(mac string, wish netip.Addr, now time.Time) (netip.Addr, error) {
	if addr, ok := t.fixed[mac]; ok {
		if !t.free(mac, addr, now) {
			return netip.Addr{}, errFull
		}
		return addr, nil
	}
	if wish.IsValid() && t.allowed(mac, wish, now) && t.free(mac, wish, now) {
		return wish, nil
	}
	var oldest *lease
	for addr := t.first; addr.Compare(t.last) <= 0; addr = addr.Next() {
		if !t.allowed(mac, addr, now) {
			continue
		}
		l := t.byAddr[addr]
		if l == nil {
			return addr, nil
		}
		if now.After(l.until) && (oldest == nil || l.until.Before(oldest.until)) {
			oldest = l
		}
	}
	if oldest == nil {
		return netip.Addr{}, errFull
	}
	return oldest.addr, nil
}

// allowed says whether mac may have addr at all.
func (t *table) allowed(mac string, addr netip.Addr, now time.Time) bool {
	if now.Before(t.declined[addr]) {
		return false
	}
	if own, ok := t.fixed[mac]; ok {
		return own == addr
	}
	return !t.reserved[addr] && t.first.Compare(addr) <= 0 && addr.Compare(t.last) <= 0
}

// free says whether nobody but mac has addr now.
func (t *table) free(mac string, addr netip.Addr, now time.Time) bool {
	l := t.byAddr[addr]
	return l == nil || l.mac == mac || now.After(l.until)
}

func (t *table) put(l *lease) {
	for _, old := range []*lease{t.byMAC[l.mac], t.byAddr[l.addr]} {
		if old != nil {
			t.drop(old)
		}
	}
	delete(t.declined, l.addr)
	t.byMAC[l.mac], t.byAddr[l.addr] = l, l
}

func (t *table) drop(l *lease) {
	delete(t.byMAC, l.mac)
	delete(t.byAddr, l.addr)
}

// bound returns the leases that are to be remembered, by address.
func (t *table) bound() []*lease {
	var found []*lease
	for _, l := range t.byMAC {
		if l.bound {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(a, b *lease) int { return a.addr.Compare(b.addr) })
	return found
}

// restore takes back what bound returned. What the configuration does not allow any more is left out.
func (t *table) restore(leases []*lease, now time.Time) {
	slices.SortFunc(leases, func(a, b *lease) int { return strings.Compare(a.mac, b.mac) })
	for _, l := range leases {
		if t.allowed(l.mac, l.addr, now) && t.byAddr[l.addr] == nil && t.byMAC[l.mac] == nil {
			t.put(l)
		}
	}
}
