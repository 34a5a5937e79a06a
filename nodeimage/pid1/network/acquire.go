package network

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Link is an Ethernet interface.
type Link struct {
	Name    string
	MAC     string // lower case with colons
	Carrier bool   // a cable with something at its other end
}

// Wire is what Acquire and Keep need of the world. Kernel is the real one.
type Wire interface {
	// Now is a clock that only goes forward.
	Now() time.Duration
	// Links sets all interfaces up and lists them.
	Links() ([]Link, error)
	// Ask gets a lease for an interface; hold is the one that the machine has, or zero. It gives up after some seconds.
	Ask(ctx context.Context, iface string, hold Lease) (Lease, error)
	// ClaimLinkLocal takes a free address of 169.254/16; it takes some seconds.
	ClaimLinkLocal(ctx context.Context, iface string) (Lease, error)
	// Apply sets what the lease says in the kernel, in place of the former lease, which may be zero.
	Apply(former, lease Lease) error
}

const (
	// firstRescan is when interfaces are looked for again while there is none that can be used; the pause grows with the time that has
	// passed, up to longestRescan: a link is mostly up at once, but drivers and switches may take seconds.
	firstRescan, longestRescan = 10 * time.Millisecond, 250 * time.Millisecond
	// patience is how long the interface that the firmware booted from is waited for before others are tried.
	patience = 15 * time.Second
	// untilLinkLocal is how long DHCP servers have to answer before the machine takes a link-local address.
	untilLinkLocal = 30 * time.Second
	// longestPause bounds the growing pauses between questions.
	longestPause = 16 * time.Second
)

// Acquire gets the machine an address and sets it. boot is the MAC of the interface that the firmware used, or "": then the
// first interface with an answer is taken. It tries for ever; it returns an error only when ctx ends.
func Acquire(ctx context.Context, wire Wire, boot string, log *slog.Logger) (Lease, error) {
	a := acquisition{wire: wire, boot: boot, log: log, start: wire.Now()}
	for pause := time.Second; ; pause = min(2*pause, longestPause) {
		links, err := a.wait(ctx)
		if err != nil {
			return Lease{}, err
		}
		lease, err := a.round(ctx, links)
		if err == nil {
			err = wire.Apply(Lease{}, lease)
		}
		if err == nil {
			return lease, nil
		}
		log.Warn(fmt.Sprintf("network: %v; next try in %v", err, pause))
		if err := sleep(ctx, pause); err != nil {
			return Lease{}, fmt.Errorf("network: %w", err)
		}
	}
}

type acquisition struct {
	wire  Wire
	boot  string
	log   *slog.Logger
	start time.Duration
	said  string
}

// wait returns the interfaces to use, once there is one.
func (a *acquisition) wait(ctx context.Context) ([]Link, error) {
	for {
		links, err := a.wire.Links()
		if err != nil {
			a.say(fmt.Sprintf("network: %v", err))
		}
		usable, missing := choose(links, a.boot, a.wire.Now()-a.start)
		if len(usable) > 0 {
			return usable, nil
		}
		waited := a.wire.Now() - a.start
		if waited > 2*time.Second { // within two seconds nothing is unusual
			a.say("network: waiting for " + missing)
		}
		if err := sleep(ctx, min(max(firstRescan, waited/4), longestRescan)); err != nil {
			return nil, fmt.Errorf("network: waiting for %s: %w", missing, err)
		}
	}
}

// say logs a line unless it was the last one already.
func (a *acquisition) say(line string) {
	if line != a.said {
		a.log.Warn(line)
		a.said = line
	}
}

// choose returns the interfaces to ask on, in the kernel's order; or, in words, what there is to wait for.
func choose(links []Link, boot string, waited time.Duration) (usable []Link, missing string) {
	if len(links) == 0 {
		return nil, "a network card; is its driver in the image?"
	}
	i := slices.IndexFunc(links, func(l Link) bool { return boot != "" && l.MAC == boot })
	switch {
	case i >= 0 && links[i].Carrier:
		return links[i : i+1], ""
	case i >= 0 && waited < patience:
		return nil, "a cable in " + links[i].Name
	case boot != "" && waited < patience:
		return nil, "the network card " + boot
	}
	for _, l := range links {
		if l.Carrier {
			usable = append(usable, l)
		}
	}
	return usable, "a cable in " + names(links)
}

func names(links []Link) string {
	list := make([]string, len(links))
	for i, l := range links {
		list[i] = l.Name
	}
	return strings.Join(list, ", ")
}

// round asks on all links once. When DHCP servers had their time, it takes a link-local address on the first.
func (a *acquisition) round(ctx context.Context, links []Link) (Lease, error) {
	lease, err := first(ctx, a.wire, links)
	if err == nil || a.wire.Now()-a.start < untilLinkLocal {
		return lease, err
	}
	a.log.Warn(fmt.Sprintf("network: no DHCP server answers on %s; taking a link-local address", names(links)))
	return a.wire.ClaimLinkLocal(ctx, links[0].Name)
}

// first asks on all links at once and returns the first lease.
func first(ctx context.Context, wire Wire, links []Link) (Lease, error) {
	type answer struct {
		lease Lease
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan answer)
	for _, l := range links {
		go func() {
			lease, err := wire.Ask(ctx, l.Name, Lease{})
			answers <- answer{lease, err}
		}()
	}
	var best answer
	for range links {
		got := <-answers
		if got.err == nil && !best.lease.Address.IsValid() {
			best = got
			cancel()
		}
		best.err = cmp.Or(best.err, got.err)
	}
	cancel()
	if best.lease.Address.IsValid() {
		return best.lease, nil
	}
	return Lease{}, best.err
}

// sleep waits for d, or for ctx to end.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
