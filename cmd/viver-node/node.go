package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/agent"
	"viver/nodeimage/field/door"
	"viver/nodeimage/overlay"
	"viver/nodeimage/pid1"
	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
	"viver/pacs/step"
)

// agentDir is in the initramfs: it outlives this process, but not the boot.
const agentDir = "/viver/run/agent"

// node is the process of the cluster's agent on a diskless machine. The root, which it starts programs from, is served by another
// process: see disk.
type node struct {
	*handover.Document
	log     *slog.Logger
	client  *join.Client
	servers *join.Servers
	signer  ssh.Signer
	counter *handover.Counter

	passport *spec.Passport // nil: it has none yet
}

// runNode is the agent until the machine leaves. It returns an error if it lost its port, cannot begin or has another name now, and is
// started again then.
func runNode() error {
	log := console.Kernel()
	if err := pid1.Protect(); err != nil {
		log.Warn(fmt.Sprintf("protect the agent: %v", err))
	}
	n, err := newNode(log)
	if err != nil {
		return err
	}
	defer n.counter.Close()
	return n.run(context.Background())
}

func newNode(log *slog.Logger) (*node, error) {
	n := &node{log: log}
	var err error
	if n.Document, err = handover.Read(handover.Path); err != nil {
		return nil, err
	}
	if n.signer, err = ssh.ParsePrivateKey([]byte(n.HostKey)); err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	n.servers = join.NewServers(join.Hints(&n.Bundle)...)
	if n.client, err = join.New(&n.Bundle, n.servers.List); err != nil {
		return nil, err
	}
	switch p, err := handover.ReadPassport(handover.PassportPath); {
	case err == nil:
		n.passport = &p
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	n.counter, err = handover.OpenCounter(handover.CounterPath)
	return n, err
}

func (n *node) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	leaving := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { discoverServers(ctx, n.Bundle.Cluster, n.servers.Add) })
	others.Go(func() { n.spare(ctx) })
	others.Go(func() {
		if leave(ctx) {
			close(leaving)
		}
	})
	err := agent.RunNode(ctx, n.config(leaving))
	cancel()
	others.Wait()
	return err
}

func (n *node) config(leaving <-chan struct{}) agent.NodeConfig {
	return agent.NodeConfig{
		Version: version(), Log: n.log, Dir: agentDir, Root: distribution, Changes: &overlay.Watch{Dir: pid1.UpperDir},
		Bundle: &n.Bundle, HostKey: n.signer, Client: n.client, Request: n.Request, Joined: n.Join,
		Passport: n.passport, KeepPassport: keepPassport, Field: door.Client{Path: handover.FieldPath},
		Steps: &step.Runner{Command: shell}, State: state, Renamed: rename, BytesRead: n.bytesRead, Leaving: leaving, Spawned: n.expose, CameUp: n.cameUp,
	}
}

// keepPassport is for the root disk's process.
func keepPassport(p spec.Passport) error {
	return handover.WritePassport(handover.PassportPath, p)
}

// state follows what the root disk's process knows of the machine.
func state(ctx context.Context, changed func(handover.State)) error {
	return handover.WatchState(ctx, handover.StatePath, changed)
}

func rename(name string) error { return pid1.Rename(distribution, name) }

// cameUp tells the root disk's process.
func (n *node) cameUp() {
	if err := handover.WriteReady(handover.ReadyPath); err != nil {
		n.log.Warn(err.Error())
	}
}

// bytesRead returns what the root disk's process has counted.
func (n *node) bytesRead() int64 {
	count, err := n.counter.Get()
	if err != nil {
		n.log.Warn(err.Error())
	}
	return count
}

// spare sees to it that this process is not killed before its time, once the distribution's init is there.
func (n *node) spare(ctx context.Context) {
	if agent.NewInit(distribution).Started(ctx) != nil {
		return // the agent waits for the same, and says what is wrong
	}
	if err := pid1.SpareFromKillall(distribution); err != nil {
		n.log.Warn(err.Error())
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
