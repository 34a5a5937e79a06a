package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// check refuses what cannot become a lab, and fills in what may be left out.
func (l *Lab) check() error {
	if !validName.MatchString(l.Name) {
		return fmt.Errorf("lab: %q cannot be a lab's name: use up to 31 lower-case letters, digits and hyphens", l.Name)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("lab %s: network namespaces need root: run it with sudo", l.Name)
	}
	if _, err := netip.ParsePrefix(l.Address); err != nil {
		return fmt.Errorf("lab %s: address of the host on the bridge: %w", l.Name, err)
	}
	seen := map[string]bool{}
	for i := range l.Machines {
		m := &l.Machines[i]
		m.fill(l.Name, i, len(l.Machines))
		if err := m.check(); err != nil {
			return fmt.Errorf("lab %s: %w", l.Name, err)
		}
		names := []string{m.Name}
		for _, c := range m.cards() {
			names = append(names, c.MAC)
		}
		for _, name := range names {
			if seen[name] {
				return fmt.Errorf("lab %s: machine %s is there twice, or two of the network cards %s have one address", l.Name, m.Name, strings.Join(names[1:], ", "))
			}
			seen[name] = true
		}
	}
	return nil
}

// makeNetwork makes a namespace in which nothing but the loopback and the bridges exists: one with the host, others without. Without a forwarding delay of zero
// the bridge would swallow the first seconds of each boot.
func (l *Lab) makeNetwork(ctx context.Context) error {
	if err := run(ctx, "", "ip", "netns", "add", l.namespace()); err != nil {
		return err
	}
	var batch strings.Builder
	fmt.Fprintf(&batch, "link set lo up\n")
	fmt.Fprintf(&batch, "link add %s type bridge forward_delay 0\n", Bridge)
	fmt.Fprintf(&batch, "address add %s dev %s\n", l.Address, Bridge)
	fmt.Fprintf(&batch, "link set %s up\n", Bridge)
	fmt.Fprintf(&batch, "route add 224.0.0.0/4 dev %s\n", Bridge) // multicast DNS
	made := map[string]bool{Bridge: true}
	for i := range l.Machines {
		for j, c := range l.Machines[i].cards() {
			if !made[c.Network] {
				fmt.Fprintf(&batch, "link add %[1]s type bridge forward_delay 0\nlink set %[1]s up\n", c.Network)
				made[c.Network] = true
			}
			fmt.Fprintf(&batch, "tuntap add dev %s mode tap\n", tap(i, j))
			fmt.Fprintf(&batch, "link set %s master %s up\n", tap(i, j), c.Network)
		}
		l.Machines[i].plug(i)
	}
	return run(ctx, batch.String(), "ip", "-n", l.namespace(), "-batch", "-")
}

func tap(machine, card int) string { return fmt.Sprintf("tap%d-%d", machine, card) }

// plug notes where the cards of the machine with this number are plugged in.
func (m *Machine) plug(number int) {
	m.Tap = tap(number, 0)
	for i := range m.More {
		m.More[i].Tap = tap(number, i+1)
	}
}

func (l *Lab) removeNetwork(ctx context.Context) error {
	var all error
	for _, ns := range l.namespaces() {
		all = errors.Join(all, run(ctx, "", "ip", "netns", "delete", ns))
	}
	return all
}

// namespaces are those of the lab that exist.
func (l *Lab) namespaces() (there []string) {
	for _, ns := range []string{l.namespace(), besidePrefix + l.Name} {
		if _, err := os.Stat(filepath.Join("/run/netns", ns)); err == nil {
			there = append(there, ns)
		}
	}
	return there
}

// Command returns a command that runs in the lab's network, with the host's files: the lab's seed.
func (l *Lab) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.namespace(), name}, args...)...)
}

// run runs a command to its end; its error holds what the command said.
func run(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: install it: apt-get install iproute2 qemu-system-x86 ovmf", err)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
