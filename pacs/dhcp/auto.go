package dhcp

import (
	"context"
	"net/netip"
	"time"
)

// probePause lies between two looks for other servers.
const probePause = time.Minute

// settle finds out what mode auto means here. As the only server it keeps looking for others; beside one it stays a proxy, so
// that the network has never two servers, rather none for a while.
func (u *unit) settle(ctx context.Context, spawn func(func(context.Context) error)) (netip.Addr, error) {
	s := u.handler.settings
	if s.mode != Auto {
		return netip.Addr{}, nil
	}
	prober := newProber(s)
	other, err := prober.probe(ctx)
	if err != nil {
		return netip.Addr{}, err
	}
	if other.IsValid() {
		s.mode = Proxy
		return other, nil
	}
	s.mode = Authoritative
	spawn(func(ctx context.Context) error { return u.watch(ctx, prober) })
	return netip.Addr{}, nil
}

// watch looks for other servers until it finds one.
func (u *unit) watch(ctx context.Context, p *prober) error {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		other, err := p.probe(ctx)
		if err != nil {
			u.log.Warn("cannot look for other DHCP servers", "error", err)
			continue
		}
		if !other.IsValid() {
			continue
		}
		select {
		case u.foreign <- other:
		case <-ctx.Done():
		}
		return nil
	}
}
