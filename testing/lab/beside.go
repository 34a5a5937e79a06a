package lab

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// besidePrefix is that of the namespace of the host beside a lab's own.
const besidePrefix = "viver-beside-"

// Beside puts another host on Bridge, for servers that are not the lab's: a namespace with the interface eth0, which has the address
// (with the prefix length). It returns how a command is run there. A lab has one such host, which goes with it.
func (l *Lab) Beside(ctx context.Context, address string) (command func(ctx context.Context, name string, args ...string) *exec.Cmd, err error) {
	ns := besidePrefix + l.Name
	if err := run(ctx, "", "ip", "netns", "add", ns); err != nil {
		return nil, fmt.Errorf("lab %s: host beside: %w", l.Name, err)
	}
	outside := fmt.Sprintf("link add beside type veth peer name eth0 netns %s\nlink set beside master %s up\n", ns, Bridge)
	inside := fmt.Sprintf("link set lo up\nlink set eth0 up\naddress add %s dev eth0\n", address)
	for _, batch := range []struct{ namespace, lines string }{{l.namespace(), outside}, {ns, inside}} {
		if err := run(ctx, batch.lines, "ip", "-n", batch.namespace, "-batch", "-"); err != nil {
			return nil, fmt.Errorf("lab %s: host beside: %s: %w", l.Name, strings.TrimSpace(batch.lines), err)
		}
	}
	return func(ctx context.Context, name string, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", ns, name}, args...)...)
	}, nil
}
