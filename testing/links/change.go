package links

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// SetRate changes the lines of these hosts, while they are used; none: those of all.
func (r *Room) SetRate(ctx context.Context, rate Rate, hosts ...string) error {
	hosts, err := r.those(hosts)
	if err != nil {
		return err
	}
	if rate < Mbit/10 {
		return fmt.Errorf("links %s: %d bit/s: want 100000 at least", r.name, rate)
	}
	var ports strings.Builder
	for _, h := range hosts {
		if err := run(ctx, shapeBatch("change", "eth0", rate), "tc", "-n", r.namespace(h), "-batch", "-"); err != nil {
			return err
		}
		ports.WriteString(shapeBatch("change", r.port(h), rate))
	}
	return run(ctx, ports.String(), "tc", "-n", r.switches(), "-batch", "-")
}

// Cut cuts the lines of these hosts in a way that they cannot see: what they send is lost, and nothing comes.
func (r *Room) Cut(ctx context.Context, hosts ...string) error { return r.plug(ctx, "nomaster", hosts) }

// Split plugs these hosts in at another switch: they reach one another, and nobody else.
func (r *Room) Split(ctx context.Context, hosts ...string) error {
	return r.plug(ctx, "master "+otherSwitch, hosts)
}

// Join plugs these hosts in where all were at first; none: all.
func (r *Room) Join(ctx context.Context, hosts ...string) error {
	if len(hosts) == 0 {
		hosts = r.hosts
	}
	return r.plug(ctx, "master "+mainSwitch, hosts)
}

func (r *Room) plug(ctx context.Context, where string, hosts []string) error {
	if _, err := r.those(hosts); err != nil || len(hosts) == 0 {
		return err
	}
	var b strings.Builder
	for _, h := range hosts {
		fmt.Fprintf(&b, "link set %s %s\n", r.port(h), where)
	}
	return run(ctx, b.String(), "ip", "-n", r.switches(), "-batch", "-")
}

// Reset breaks all TCP connections of these hosts: both ends see a reset. None: those of all.
func (r *Room) Reset(ctx context.Context, hosts ...string) error {
	hosts, err := r.those(hosts)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if err := run(ctx, "", "ip", "netns", "exec", r.namespace(h), "ss", "-K", "--tcp", "state", "connected"); err != nil {
			return err
		}
	}
	return nil
}

// those returns the named hosts, which must exist; all, if none is named.
func (r *Room) those(hosts []string) ([]string, error) {
	for _, h := range hosts {
		if !slices.Contains(r.hosts, h) {
			return nil, fmt.Errorf("links %s: there is no host %q", r.name, h)
		}
	}
	if len(hosts) == 0 {
		return r.hosts, nil
	}
	return hosts, nil
}
