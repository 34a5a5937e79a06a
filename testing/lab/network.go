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
		m.fill(l.Name, i)
		if err := m.check(); err != nil {
			return fmt.Errorf("lab %s: %w", l.Name, err)
		}
		if seen[m.Name] || seen[m.MAC] {
			return fmt.Errorf("lab %s: machine %s (%s) is there twice", l.Name, m.Name, m.MAC)
		}
		seen[m.Name], seen[m.MAC] = true, true
	}
	return nil
}

// makeNetwork makes a namespace in which nothing but the bridge and the loopback exists. Without a forwarding delay of zero
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
	for i := range l.Machines {
		fmt.Fprintf(&batch, "tuntap add dev %s mode tap\n", tap(i))
		fmt.Fprintf(&batch, "link set %s master %s up\n", tap(i), Bridge)
		l.Machines[i].Tap = tap(i)
	}
	return run(ctx, batch.String(), "ip", "-n", l.namespace(), "-batch", "-")
}

func tap(machine int) string { return fmt.Sprintf("tap%d", machine) }

func (l *Lab) removeNetwork(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join("/run/netns", l.namespace())); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return run(ctx, "", "ip", "netns", "delete", l.namespace())
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
