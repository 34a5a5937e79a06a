package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
	"viver/providers/ssh"
)

// How long the parts of a power-off may take. A node reads its root from a server while it goes down: as long as it says a word, the
// server must stay.
const (
	findNode = 20 * time.Second
	handOver = 90 * time.Second // its agent takes a minute at most
	silence  = 20 * time.Second
	powerOff = 5 * time.Minute
	knock    = 2 * time.Second // for one answer of a kernel that is going down
)

// Destroy switches the machine off, waits until it is, and has its server forget the name. What the machine holds of the shared root goes to
// others before; with Force it does not matter what becomes of that.
func (t *Type) Destroy(ctx context.Context, r resource.DestroyRequest) error {
	at, node := Document(r.Prior)
	if at.Address == "" {
		return nil // it was never told to a server
	}
	client, err := t.connect(ctx, at)
	if err != nil {
		return err
	}
	machines, err := Machines(ctx, t.Agents, at)
	if err != nil {
		return err
	}
	if m, ok := machines[node.Name]; ok {
		if err := t.powerOff(ctx, m, r.Force, r.Report); err != nil {
			return err
		}
	}
	return client.Do(ctx, spec.OpNodeRemove, spec.Named{Name: object.String(r.Prior, "name")}, nil)
}

// powerOff returns when the machine does not say anything any more.
func (t *Type) powerOff(ctx context.Context, m spec.Machine, force bool, report func(resource.Progress)) error {
	say := func(text string) {
		if report != nil && text != "" {
			report(resource.Progress{Detail: text})
		}
	}
	within, cancel := context.WithTimeout(ctx, findNode)
	defer cancel()
	client, err := t.Agents.Node(within, m.Address, m.HostKey)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		say("it does not answer: taken to be switched off")
		return nil
	}
	say("powering off")
	if err := begin(ctx, client, force, say); err != nil {
		return err
	}
	limit, stop := context.WithTimeout(ctx, powerOff)
	defer stop()
	if client.Gone(limit, silence) && t.offWithin(limit, m.Address) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("it has not powered off within %s: look at its console, or switch it off by hand, and run destroy again", powerOff)
}

// begin asks a machine to power off. It returns an error only if it refuses: the answer and the end of the connection may cross, and what counts
// is whether it goes.
func begin(ctx context.Context, client *ssh.Client, force bool, say func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, handOver)
	defer cancel()
	_, err := client.Call(ctx, spec.OpPowerOff, spec.PowerOff{Force: force}, nil, func(r spec.Reply) { say(r.Progress) })
	var no *ssh.AgentError
	if errors.As(err, &no) {
		return fmt.Errorf("it refuses to power off: %w", err)
	}
	return nil
}

// offWithin waits until a machine whose agent has ended is off: the agent goes before the root disk does, and the kernel last.
func (t *Type) offWithin(ctx context.Context, address string) bool {
	answers := t.Answers
	if answers == nil {
		answers = t.knock
	}
	for silent := 0; silent < 2; {
		if ctx.Err() != nil {
			return false
		}
		within, cancel := context.WithTimeout(ctx, knock)
		if answers(within, address) {
			silent = 0
		} else {
			silent++
		}
		cancel()
	}
	return ctx.Err() == nil
}

// knock tells whether a machine's kernel answers: it refuses connections to a port on which nobody listens. It takes until ctx ends when it
// does, so that it is not asked all the time.
func (t *Type) knock(ctx context.Context, address string) bool {
	port := t.Agents.Port
	if port == 0 {
		port = spec.PortSSH
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err == nil {
		conn.Close()
	}
	if err != nil && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) {
		return false
	}
	<-ctx.Done()
	return true
}
