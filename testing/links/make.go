package links

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// namespacePrefix tells the namespaces of rooms from everybody else's.
	namespacePrefix = "viver-links-"
	// mainSwitch is where all hosts are at first; otherSwitch is the other half of a split room.
	mainSwitch, otherSwitch = "br0", "br1"
	// congestion is what TCP on the hosts uses: the default of distributions, whatever this computer has. A route can say so, and does for
	// all programs; the setting for a whole namespace is refused for what the computer has not allowed to everybody.
	congestion = "cubic"
)

// switches returns the namespace of the bridges.
func (r *Room) switches() string { return namespacePrefix + r.name }

// namespace returns that of a host. A name has no dot, so no room can be taken for another's host.
func (r *Room) namespace(host string) string { return namespacePrefix + r.name + "." + host }

// port returns the name of the switches' end of a host's line.
func (r *Room) port(host string) string { return fmt.Sprintf("port%d", r.number(host)) }

// build makes all of the room.
func (r *Room) build(ctx context.Context, rate Rate) error {
	if err := r.remove(ctx); err != nil {
		return err
	}
	if err := run(ctx, r.namespacesBatch(), "ip", "-batch", "-"); err != nil {
		return err
	}
	if err := run(ctx, r.switchBatch(), "ip", "-n", r.switches(), "-batch", "-"); err != nil {
		return err
	}
	var shape strings.Builder
	for i, h := range r.hosts {
		if err := run(ctx, r.hostBatch(i), "ip", "-n", r.namespace(h), "-batch", "-"); err != nil {
			return err
		}
		if err := run(ctx, shapeBatch("add", "eth0", rate), "tc", "-n", r.namespace(h), "-batch", "-"); err != nil {
			return err
		}
		shape.WriteString(shapeBatch("add", r.port(h), rate))
	}
	return run(ctx, shape.String(), "tc", "-n", r.switches(), "-batch", "-")
}

func (r *Room) namespacesBatch() string {
	var b strings.Builder
	fmt.Fprintf(&b, "netns add %s\n", r.switches())
	for _, h := range r.hosts {
		fmt.Fprintf(&b, "netns add %s\n", r.namespace(h))
	}
	return b.String()
}

// switchBatch makes the switches and plugs the hosts in. Without a forwarding delay of zero a bridge would swallow the first seconds.
func (r *Room) switchBatch() string {
	var b strings.Builder
	for _, s := range []string{mainSwitch, otherSwitch} {
		fmt.Fprintf(&b, "link add %[1]s type bridge forward_delay 0\nlink set %[1]s up\n", s)
	}
	for i, h := range r.hosts {
		fmt.Fprintf(&b, "link add %s type veth peer name eth0 address %s netns %s\n", r.port(h), hardware(i), r.namespace(h))
		fmt.Fprintf(&b, "link set %s master %s up\n", r.port(h), mainSwitch)
	}
	return b.String()
}

// hostBatch gives a host its address. It knows all others' hardware addresses from the beginning: this computer's neighbour table is one
// for all namespaces, and too small for the pairs of 33 hosts, which no real machine has in its own.
func (r *Room) hostBatch(number int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "link set lo up\nlink set eth0 up\naddress add %s/16 dev eth0 noprefixroute\n", address(number))
	fmt.Fprintf(&b, "route add 10.77.0.0/16 dev eth0 congctl %s\nroute add 224.0.0.0/4 dev eth0\n", congestion)
	for i := range r.hosts {
		if i != number {
			fmt.Fprintf(&b, "neighbour add %s lladdr %s nud permanent dev eth0\n", address(i), hardware(i))
		}
	}
	return b.String()
}

func hardware(number int) string {
	return fmt.Sprintf("02:00:00:00:%02x:%02x", (number+1)>>8&0xff, (number+1)&0xff)
}

// shapeBatch gives what leaves an interface a rate and a queue before it. The queue is counted in bytes: one in packets would count those of
// 64 KiB, which the kernel splits later, as one.
func shapeBatch(verb, device string, rate Rate) string {
	burst, queue := max(3000, rate.bytesIn(burstTime)), max(6000, rate.bytesIn(queueTime))
	var b strings.Builder
	if verb == "add" {
		fmt.Fprintf(&b, "qdisc add dev %s root handle 1: htb default 1\n", device)
	}
	fmt.Fprintf(&b, "class %s dev %s parent 1: classid 1:1 htb rate %d burst %d cburst %d quantum 60000\n", verb, device, rate, burst, burst)
	fmt.Fprintf(&b, "qdisc %s dev %s parent 1:1 handle 10: bfifo limit %d\n", verb, device, queue)
	return b.String()
}

// remove ends every process in the room's namespaces, and deletes them; the lines go with them.
func (r *Room) remove(ctx context.Context) error {
	there, err := r.namespaces()
	if err != nil || len(there) == 0 {
		return err
	}
	if err := kill(ctx, there); err != nil {
		return fmt.Errorf("links %s: %w", r.name, err)
	}
	var b strings.Builder
	for _, ns := range there {
		fmt.Fprintf(&b, "netns delete %s\n", ns)
	}
	return run(ctx, b.String(), "ip", "-force", "-batch", "-")
}

// namespaces are those of the room that exist.
func (r *Room) namespaces() (there []string, err error) {
	entries, err := os.ReadDir("/run/netns")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("links %s: %w", r.name, err)
	}
	for _, e := range entries {
		if e.Name() == r.switches() || strings.HasPrefix(e.Name(), r.switches()+".") {
			there = append(there, e.Name())
		}
	}
	return there, nil
}

// kill ends the processes in namespaces and waits until they are gone.
func kill(ctx context.Context, namespaces []string) error {
	for range 100 {
		var pids []string
		for _, ns := range namespaces {
			out, err := exec.CommandContext(ctx, "ip", "netns", "pids", ns).Output()
			if err != nil {
				return fmt.Errorf("list the processes of %s: %w", ns, err)
			}
			pids = append(pids, strings.Fields(string(out))...)
		}
		if len(pids) == 0 {
			return nil
		}
		for _, text := range pids {
			if pid, err := strconv.Atoi(text); err == nil && pid > 1 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("processes do not end, though they were killed")
}

// run runs a command to its end; its error holds what the command said.
func run(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: install it: apt-get install iproute2", err)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
