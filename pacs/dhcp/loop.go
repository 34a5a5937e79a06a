package dhcp

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"viver/nodeimage/spec"
)

// read hands the port's packets to the loop until ctx ends. What cannot be parsed is left out.
func (u *unit) read(ctx context.Context, p *port) error {
	defer context.AfterFunc(ctx, func() { p.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, maxPacket)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dhcp: read from %s: %w", u.handler.iface, err)
		}
		message, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			u.log.Debug("not a DHCP packet", "from", from, "error", err)
			continue
		}
		select {
		case u.packets <- packet{message, from, p}:
		case <-ctx.Done():
			return nil
		}
	}
}

// loop answers packets. Those that wait are taken together, so that a whole room that is switched on costs few writes.
func (u *unit) loop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case other := <-u.foreign:
			u.handler.mode = Proxy
			u.log.Warn("another DHCP server has appeared: this one gives no more addresses", "server", other)
			u.ready(other)
		case p := <-u.packets:
			waiting := []packet{p}
			for len(u.packets) > 0 && len(waiting) < batch {
				waiting = append(waiting, <-u.packets)
			}
			if err := u.answer(ctx, waiting); err != nil {
				return err
			}
		}
	}
}

// answer decides on all packets, makes the leases durable, and only then replies.
func (u *unit) answer(ctx context.Context, packets []packet) error {
	answers := make([]answer, len(packets))
	changed := false
	for i, p := range packets {
		if p.port.number == portPXE {
			answers[i] = u.handler.handlePXE(p.message, p.from)
		} else {
			answers[i] = u.handler.handle(p.message)
		}
		changed = changed || answers[i].changed
	}
	if changed {
		if err := saveLeases(u.stateDir, u.handler.table.bound()); err != nil {
			return err
		}
	}
	for i, a := range answers {
		u.deliver(ctx, packets[i], a)
	}
	return nil
}

func (u *unit) deliver(ctx context.Context, p packet, a answer) {
	if a.event != nil {
		u.emit(spec.UnitEvent{Machine: a.event})
	}
	if a.ipxe && u.booting != nil {
		select {
		case u.booting <- p.message.ClientHWAddr:
		case <-ctx.Done():
		}
	}
	if a.reply == nil {
		return
	}
	if err := p.port.send(a.reply.ToBytes(), a.to); err != nil {
		u.log.Warn("cannot answer", "mac", p.message.ClientHWAddr, "to", a.to, "error", err)
	}
}

func (u *unit) ready(other netip.Addr) {
	s := u.handler.settings
	detail := fmt.Sprintf("%s, %s on %s", s.mode, s.rangeText(), s.iface)
	if s.mode == Proxy {
		detail = "proxy on " + s.iface
		if other.IsValid() {
			detail = fmt.Sprintf("proxy beside %s on %s", other, s.iface)
		}
	}
	u.log.Info("serving", "detail", detail)
	u.emit(spec.UnitEvent{Ready: &spec.UnitReadyEvent{Detail: detail}})
}
