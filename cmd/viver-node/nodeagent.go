package main

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"viver/nodeimage/agent"
	"viver/nodeimage/pid1"
	"viver/pacs/step"
)

const (
	// distribution is the root of PID 1, seen from this process, whose own root is the initramfs.
	distribution = "/proc/1/root"
	// agentDir is in the initramfs: it outlives this process, but not the boot.
	agentDir = "/viver/run/agent"
	// agentPause is the pause after the agent lost its port or could not begin.
	agentPause = 5 * time.Second
)

// runAgent is the cluster's agent on this machine until the machine leaves, again and again if it fails: the root disk, in the same
// process, goes on meanwhile.
func (n *node) runAgent(ctx context.Context) {
	for ctx.Err() == nil {
		err := agent.RunNode(ctx, n.agentConfig())
		if err == nil {
			return
		}
		n.log.Error(fmt.Sprintf("agent: %v; next try in %v", err, agentPause))
		select {
		case <-ctx.Done():
		case <-n.leaving:
			return
		case <-time.After(agentPause):
		}
	}
}

func (n *node) agentConfig() agent.NodeConfig {
	return agent.NodeConfig{
		Version: version(), Log: n.log, Dir: agentDir, Root: distribution,
		Bundle: &n.Bundle, HostKey: n.signer, Client: n.client, Request: n.Request, Joined: n.Join,
		Steps: &step.Runner{Command: shell}, BytesRead: n.disk.BytesRead, Leaving: n.leaving, Spawned: n.expose,
	}
}

// expose lets the kernel end a session's programs when memory runs out, unlike the agent that started them.
func (n *node) expose(pid int) {
	if err := pid1.Exposed(pid); err != nil {
		n.log.Warn(err.Error())
	}
}

// shell makes the shell that steps run in: in the distribution's root, and without this process' protection against lack of memory.
func shell(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "echo 0 >/proc/self/oom_score_adj; exec /bin/sh -s")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: distribution}
	return cmd
}
