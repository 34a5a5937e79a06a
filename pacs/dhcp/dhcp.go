// Package dhcp is the unit that gives machines their addresses and tells their firmware what to boot.
//
// It owns DHCPv4 (RFC 2131) with the options of network boot (RFC 4578, PXE 2.1, UEFI HTTP boot, iPXE), as the only server of a
// network or as a proxy beside another one. The decision (handler) is pure; sockets, the lease file and the search for other servers
// stand around it. What the boot files contain is the business of packages tftp and netboot.
package dhcp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"viver/nodeimage/spec"
	"viver/pacs/dhcp/ra"
)

const (
	maxPacket = 1500
	batch     = 64 // packets that are answered after one write of the lease file
)

// packet is a DHCP message as it came in.
type packet struct {
	message *dhcpv4.DHCPv4
	from    netip.AddrPort
	port    *port
}

// unit is the running server. Its loop owns all but the sockets.
type unit struct {
	handler  *handler
	stateDir string
	emit     func(spec.UnitEvent)
	log      *slog.Logger
	packets  chan packet
	foreign  chan netip.Addr // another DHCP server was found
	booting  chan<- net.HardwareAddr
}

// Run serves until ctx ends. See Config for the unit's document.
func Run(ctx context.Context, start spec.UnitStart, emit func(spec.UnitEvent), log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s, err := parse(start.Unit.Config, localPrefixes)
	if err != nil {
		return err
	}
	if s.mode == Off {
		emit(spec.UnitEvent{Ready: &spec.UnitReadyEvent{Detail: "off"}})
		<-ctx.Done()
		return nil
	}
	leases, err := loadLeases(start.StateDir)
	if err != nil {
		return err
	}
	table := newTable(s)
	table.restore(leases, time.Now())
	u := &unit{
		handler:  &handler{settings: s, table: table, boots: boots{}, now: time.Now, log: log},
		stateDir: start.StateDir, emit: emit, log: log,
		packets: make(chan packet, batch), foreign: make(chan netip.Addr),
	}
	return u.serve(ctx)
}

// serve opens the ports, finds out its mode, and runs the loop with all that feeds it.
func (u *unit) serve(ctx context.Context) error {
	s := u.handler.settings
	ports := make([]*port, 0, 2)
	for _, number := range []int{portServer, portPXE} {
		p, err := listen(ctx, s.iface, number, s.address)
		if err != nil {
			return err
		}
		defer p.conn.Close()
		ports = append(ports, p)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel(nil)
	spawn := func(f func(context.Context) error) {
		group.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	other, err := u.settle(ctx, spawn)
	if err != nil {
		return quiet(ctx, err)
	}
	u.answerRouters(ctx, spawn)
	for _, p := range ports {
		spawn(func(ctx context.Context) error { return u.read(ctx, p) })
	}
	u.ready(other)
	return quiet(ctx, u.loop(ctx))
}

// quiet turns the end of ctx from outside into success.
func quiet(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// answerRouters spares iPXE its wait for an IPv6 router. Without IPv6 on this machine boots take 16 s longer, no more.
func (u *unit) answerRouters(ctx context.Context, spawn func(func(context.Context) error)) {
	if u.handler.boot == nil {
		return
	}
	responder, err := ra.Listen(u.handler.iface, u.log)
	if err != nil {
		u.log.Warn("router solicitations stay unanswered: each iPXE waits 16 s", "error", err)
		return
	}
	u.booting = responder.Booting()
	spawn(func(ctx context.Context) error {
		responder.Serve(ctx)
		return nil
	})
}
