package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// askAgain is the shortest pause between two tries to prolong a lease (RFC 2131 section 4.4.5).
	askAgain = time.Minute
	// lookForServer is the pause between two questions of a machine with a link-local address.
	lookForServer = 20 * time.Second
)

// Keep prolongs a lease at its times for as long as ctx lives, and calls changed with each new one. A machine with a link-local address goes
// on asking for a lease. When nobody prolongs a lease the address is kept all the same: without it, the machine would lose its root.
func Keep(ctx context.Context, wire Wire, lease Lease, changed func(Lease), log *slog.Logger) {
	for sleep(ctx, due(lease, wire.Now())) == nil {
		next, err := renewed(ctx, wire, lease)
		for err != nil && ctx.Err() == nil {
			pause := retryIn(lease, wire.Now())
			if !lease.LinkLocal() {
				log.Warn(fmt.Sprintf("network: %v; next try in %v", err, pause.Round(time.Second)))
			}
			if sleep(ctx, pause) != nil {
				return
			}
			next, err = renewed(ctx, wire, lease)
		}
		if err != nil {
			return
		}
		if next.Address != lease.Address {
			log.Info(fmt.Sprintf("network %s %s, was %s", next.Interface, next.Address.Addr(), lease.Address.Addr()))
		}
		lease = next
		changed(lease)
	}
}

// renewed asks and applies. After a refusal it asks for another address at once.
func renewed(ctx context.Context, wire Wire, lease Lease) (Lease, error) {
	next, err := wire.Ask(ctx, lease.Interface, lease)
	if errors.Is(err, ErrRefused) {
		expired := lease
		expired.Length = 0
		next, err = wire.Ask(ctx, lease.Interface, expired)
	}
	if err != nil {
		return Lease{}, err
	}
	return next, wire.Apply(lease, next)
}

// due returns how long to wait before a lease is to be prolonged.
func due(l Lease, now time.Duration) time.Duration {
	if l.LinkLocal() {
		return lookForServer
	}
	return max(l.Taken+l.Renew-now, 0)
}

// retryIn returns how long to wait after a failure: half of what is left until T2, then until the end, but a minute at least.
func retryIn(l Lease, now time.Duration) time.Duration {
	switch t := now - l.Taken; {
	case l.LinkLocal():
		return lookForServer
	case t < l.Rebind:
		return max((l.Rebind-t)/2, askAgain)
	default:
		return max((l.Length-t)/2, askAgain)
	}
}
