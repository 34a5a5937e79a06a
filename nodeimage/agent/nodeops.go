package agent

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"viver/nodeimage/spec"
)

// powerOffTime bounds the command that begins the machine's end.
const powerOffTime = 20 * time.Second

// operations returns all that a node does for operators.
func (n *node) operations() map[spec.Op]operation {
	ops := n.machine.operations()
	maps.Copy(ops, map[spec.Op]operation{
		spec.OpStatus:   n.status,
		spec.OpPowerOff: n.powerOff,
	})
	return ops
}

func (n *node) status(context.Context, *call) (any, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	c := n.config
	return spec.AgentStatus{
		Version: c.Version, Cluster: c.Bundle.Cluster, Name: n.name(), Hostname: host, BootID: c.Request.BootID,
		Stage: n.progress.stage(), Image: c.Bundle.Image, Units: n.units.Status(), Facts: &c.Request.Facts, BytesRead: c.BytesRead(),
	}, nil
}

// powerOff has the distribution switch the machine off, and answers when that has begun. systemd gives the agent time to say goodbye at
// the end (NodeConfig.Leaving); others kill it, so it says so now.
func (n *node) powerOff(ctx context.Context, _ *call) (any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), powerOffTime)
	defer cancel()
	systemd := isSystemd(n.config.Root)
	args := []string{"poweroff"}
	if systemd {
		args = []string{"systemctl", "--no-block", "poweroff"}
	}
	out, err := inRoot(ctx, n.config.Root, args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("agent: %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	if !systemd {
		n.leave(ctx)
	}
	return nothing{}, nil
}

// isSystemd reports whether root runs systemd, as sd_booted(3) finds out.
func isSystemd(root string) bool {
	_, err := os.Stat(filepath.Join("/", root, "run/systemd/system"))
	return err == nil
}

// inRoot returns a command of the distribution, looked for where root's programs are.
func inRoot(ctx context.Context, root string, args ...string) *exec.Cmd {
	// Not a path of this root: env looks the program up after the change of root.
	cmd := exec.CommandContext(ctx, "/usr/bin/env", args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.WaitDelay = time.Second
	return cmd
}
