package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/discovery"
	"viver/nodeimage/pid1"
	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/rootdisk"
	"viver/nodeimage/spec"
)

const (
	// rootDevice is N of /dev/nbdN.
	rootDevice = 0
	// lastWords is how long the rest of the agent has to end after the root disk was released.
	lastWords = 2 * time.Second
)

// node is the agent's process on a diskless machine.
type node struct {
	*handover.Document
	log     *slog.Logger
	channel *handover.Channel
	disk    *rootdisk.Disk
	client  *join.Client
	servers *join.Servers
	signer  ssh.Signer
	leaving chan struct{} // closed when the machine begins to go down
}

// runNode serves the machine's root, keeps its address and is the cluster's agent on it, until the root disk was released at the
// machine's end. It returns an error if it cannot, and is started again then.
func runNode() error {
	log := console.Kernel()
	if err := pid1.Protect(); err != nil {
		log.Warn(fmt.Sprintf("protect the agent: %v", err))
	}
	channel, err := handover.OpenChannel(os.NewFile(handover.ChannelFD, "channel"))
	if err != nil {
		return err
	}
	n, err := newNode(log, channel)
	if err != nil {
		channel.Trouble(err.Error())
		return err
	}
	defer n.disk.Close()
	return n.run(context.Background())
}

func newNode(log *slog.Logger, channel *handover.Channel) (*node, error) {
	n := &node{log: log, channel: channel, leaving: make(chan struct{})}
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
	n.disk, err = n.openDisk()
	return n, err
}

func (n *node) openDisk() (*rootdisk.Disk, error) {
	data, err := os.ReadFile(spec.ManifestPath)
	if err != nil {
		return nil, fmt.Errorf("image manifest: %w", err)
	}
	manifest, err := spec.DecodeManifest(data, n.Bundle.Image)
	if err != nil {
		return nil, err
	}
	return rootdisk.Open(rootdisk.Config{
		Image: n.Bundle.Image, Root: manifest.Root, Servers: n.Bundle.Servers, Device: rootDevice, Log: n.log,
		Discover: func(ctx context.Context, found func(string)) {
			has := func(f discovery.Found) bool { return slices.Contains(f.Text, "image="+string(n.Bundle.Image)) }
			browse(ctx, spec.ServiceNBD, n.Bundle.Cluster, has, found)
		},
	})
}

// run lets all parts of the agent run. The root disk is the one that the others must not outlive: when it is released, the machine ends.
func (n *node) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	agentEnded := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { n.awaitLeave(ctx) })
	others.Go(func() { discoverServers(ctx, n.Bundle.Cluster, n.servers.Add) })
	others.Go(func() { network.Keep(ctx, network.Kernel{}, n.Lease, n.keepLease, n.log) })
	others.Go(func() { n.followBoot(ctx) })
	others.Go(func() {
		defer close(agentEnded)
		n.runAgent(ctx)
	})
	err := n.disk.Serve(ctx, n.channel.Attached, n.channel.Trouble)
	select {
	case <-n.leaving:
		select {
		case <-agentEnded:
		case <-time.After(lastWords):
		}
	case <-time.After(lastWords): // the signal comes before the release, but may be noticed after it
		err = errors.Join(errors.New("the root disk is not attached any more, but the machine is not going down"), err)
		n.channel.Trouble(err.Error())
	}
	cancel()
	others.Wait()
	return err
}

// awaitLeave waits for the signal that says that the machine is going down.
func (n *node) awaitLeave(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, pid1.Leave)
	select {
	case <-signals:
		close(n.leaving)
	case <-ctx.Done():
	}
}

// keepLease remembers a new lease for an agent after this one, and tells the servers of a new address.
func (n *node) keepLease(lease network.Lease) {
	moved := lease.Address != n.Lease.Address
	n.Lease = lease
	if err := handover.Write(handover.Path, n.Document); err != nil {
		n.log.Warn(err.Error())
	}
	if moved {
		n.report(context.Background(), spec.Report{Address: lease.Address.Addr().String()})
	}
}

// followBoot reports the root when init has mounted it, and does what is to be done when the distribution's init has taken over. For
// an agent that follows a dead one, that is at once.
func (n *node) followBoot(ctx context.Context) {
	reached := func(s spec.Stage) {
		n.report(ctx, spec.Report{Boot: []spec.StageTime{{Stage: s, At: time.Now().UTC()}}})
	}
	defer context.AfterFunc(ctx, func() { n.channel.Close() })()
	n.channel.WaitHandover(func() { reached(spec.StageRoot) })
	if ctx.Err() != nil {
		return
	}
	if err := pid1.SpareFromKillall(distribution, os.Getpid(), os.Getppid()); err != nil {
		n.log.Warn(err.Error())
	}
}

// report tells a server. That it did not work is only noted: the machine goes on.
func (n *node) report(ctx context.Context, r spec.Report) {
	r.MAC, r.Token = n.Request.MAC, n.Join.Token
	if err := n.client.Report(ctx, r); err != nil {
		n.log.Warn(err.Error())
	}
}
