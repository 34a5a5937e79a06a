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
	maps.Copy(ops, n.fieldOperations())
	maps.Copy(ops, map[spec.Op]operation{
		spec.OpStatus:   n.status,
		spec.OpPowerOff: n.powerOff,
	})
	if n.deputy != nil {
		ops[spec.OpMachines] = func(context.Context, *call) (any, error) { return n.deputy.machines(), nil }
	}
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

// powerOff has others take what the machine holds for all, then has the distribution switch it off, and answers when that has begun.
func (n *node) powerOff(ctx context.Context, c *call) (any, error) {
	var how spec.PowerOff
	if len(c.args) > 0 {
		if err := spec.Decode(c.args, &how); err != nil {
			return nil, err
		}
	}
	if err := n.leaveField(ctx, c, how.Force); err != nil {
		return nil, err
	}
	return nothing{}, n.switchOff(context.WithoutCancel(ctx))
}

// switchOff begins the distribution's end. systemd gives the agent time to say goodbye then (NodeConfig.Leaving); others kill it, so it
// says so now.
func (n *node) switchOff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, powerOffTime)
	defer cancel()
	systemd := isSystemd(n.config.Root)
	args := []string{"poweroff"}
	if systemd {
		args = []string{"systemctl", "--no-block", "poweroff"}
	}
	out, err := inRoot(ctx, n.config.Root, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("agent: %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	if !systemd {
		n.leave(ctx)
	}
	return nil
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
