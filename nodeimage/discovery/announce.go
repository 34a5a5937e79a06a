// Package discovery announces and finds services on the local links by multicast DNS (RFC 6762) and DNS-SD (RFC 6763).
//
// It owns the names: an instance is called like its machine, and a TXT string "cluster=ID" keeps clusters on one wire apart.
// It owns no trust: mDNS is unauthenticated, so whatever Browse finds is a hint, to be checked by a certificate or a digest.
package discovery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grandcat/zeroconf"

	"viver/nodeimage/spec"
)

const domain = "local."

// refresh is how often interfaces are looked at again: a server's bridge may come up long after the agent.
const refresh = 10 * time.Second

// Announcer answers queries for a changing set of services. The zero value with the three names set is ready for Set and Run.
type Announcer struct {
	Cluster string // ID of the cluster
	Machine string // name of this machine: the instance name, and the host name in .local
	Log     *slog.Logger
	// Interfaces lists where to announce; nil: all that are up, can multicast and have an address that others can dial.
	Interfaces func() ([]net.Interface, error)

	mu     sync.Mutex     // guards the next two
	wanted []spec.Service // what Set was last told
	wake   chan struct{}
}

// Set replaces what is announced. It may be called at any time, also before Run, by any goroutine.
func (a *Announcer) Set(services []spec.Service) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = slices.Clone(services)
	select {
	case a.signal() <- struct{}{}:
	default:
	}
}

// signal returns the channel that wakes Run; a.mu is held.
func (a *Announcer) signal() chan struct{} {
	if a.wake == nil {
		a.wake = make(chan struct{}, 1)
	}
	return a.wake
}

// Run announces until ctx ends, then says goodbye for each service.
func (a *Announcer) Run(ctx context.Context) {
	a.mu.Lock()
	wake := a.signal()
	a.mu.Unlock()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	r := responders{announcer: a, running: map[string]*zeroconf.Server{}}
	defer r.stop()
	for {
		r.follow()
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// responders are the running answers of one Announcer: one for each service, since zeroconf knows one service per server.
type responders struct {
	announcer *Announcer
	links     string                      // the interfaces on which all of running were begun
	running   map[string]*zeroconf.Server // by the text of the record
}

// follow starts and stops responders until they are what is wanted, on the interfaces that there are now.
func (r *responders) follow() {
	ifaces, err := r.announcer.interfaces()
	if err != nil || len(ifaces) == 0 {
		r.stop() // no link: the next tick looks again
		return
	}
	if links := describe(ifaces); links != r.links {
		r.stop()
		r.links = links
	}
	wanted := r.announcer.records()
	for text, server := range r.running {
		if _, ok := wanted[text]; !ok {
			server.Shutdown()
			delete(r.running, text)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(wanted)) {
		if r.running[text] != nil {
			continue
		}
		if err := r.start(text, wanted[text], ifaces); err != nil {
			log := cmp.Or(r.announcer.Log, slog.New(slog.DiscardHandler))
			log.Warn("cannot announce a service by mDNS; machines find it by the bundle only", "service", text, "error", err)
		}
	}
}

func (r *responders) start(text string, rec record, ifaces []net.Interface) error {
	// A host name of our own and no addresses: zeroconf then answers with the addresses of the interface that was asked.
	host := strings.ReplaceAll(r.announcer.Machine, ".", "-") + "-viver"
	server, err := zeroconf.RegisterProxy(rec.instance, rec.service.Type, domain, rec.service.Port, host, nil, rec.text, ifaces)
	if err != nil {
		return fmt.Errorf("discovery: announce %s: %w", text, err)
	}
	r.running[text] = server
	return nil
}

func (r *responders) stop() {
	for _, server := range r.running {
		server.Shutdown()
	}
	clear(r.running)
	r.links = ""
}

// record is one service as it goes on the wire.
type record struct {
	instance string
	service  spec.Service
	text     []string
}

// records returns what is wanted. Of several services of one type on a machine, all but the first carry their port in the name.
func (a *Announcer) records() map[string]record {
	a.mu.Lock()
	services := slices.Clone(a.wanted)
	a.mu.Unlock()
	slices.SortStableFunc(services, func(x, y spec.Service) int { return x.Port - y.Port })
	all := map[string]record{}
	seen := map[string]bool{}
	for _, s := range services {
		rec := record{instance: a.Machine, service: s, text: append([]string{"cluster=" + a.Cluster}, s.Text...)}
		if seen[s.Type] {
			rec.instance = fmt.Sprintf("%s-%d", a.Machine, s.Port)
		}
		seen[s.Type] = true
		all[fmt.Sprintf("%s.%s port %d %q", rec.instance, s.Type, s.Port, rec.text)] = rec
	}
	return all
}

func (a *Announcer) interfaces() ([]net.Interface, error) {
	if a.Interfaces != nil {
		return a.Interfaces()
	}
	return multicastInterfaces()
}

// multicastInterfaces returns the interfaces that are up, can multicast and have a usable address. Those without one, such as
// the ports of a bridge, would spread answers that nobody can dial, and zeroconf takes each instance's first answer only.
func multicastInterfaces() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("discovery: list interfaces: %w", err)
	}
	const need = net.FlagUp | net.FlagMulticast
	return slices.DeleteFunc(all, func(i net.Interface) bool { return i.Flags&need != need || !addressed(i) }), nil
}

// addressed reports whether an interface has an address that others can dial.
func addressed(i net.Interface) bool {
	addrs, _ := i.Addrs() // gone meanwhile: without
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && usable(prefix.Addr())
	})
}

// describe renders interfaces with their addresses: a change means that the multicast groups must be joined again.
func describe(ifaces []net.Interface) string {
	var b strings.Builder
	for _, i := range ifaces {
		addrs, _ := i.Addrs() // gone meanwhile: described without
		fmt.Fprintln(&b, i.Index, i.Name, addrs)
	}
	return b.String()
}
