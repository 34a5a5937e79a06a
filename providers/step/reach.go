package step

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/providers/node"
	"viver/providers/object"
	"viver/providers/server"
	"viver/providers/ssh"
)

// connectTimeout is how long a machine may be silent that is known to be there.
const connectTimeout = 60 * time.Second

// connect reaches the agent of a machine, by its object.
func (m *Machines) connect(ctx context.Context, machine cty.Value, patience time.Duration) (*ssh.Client, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if object.String(machine, "kind") == "node" {
		return m.Agents.Node(within, object.String(machine, "address"), object.String(machine, "host_key"))
	}
	return m.Agents.Server(within, server.Agent(machine))
}

// goneTimeout is how long to look for a node whose steps are to be taken away: they are gone with its next boot anyway.
const goneTimeout = 15 * time.Second

func (m *Machines) goneTimeout() time.Duration {
	return cmp.Or(m.Patience, goneTimeout)
}

// reach connects to the machine. A node that has booted since it was last seen has another key, which its server knows.
func (s *session) reach(ctx context.Context, patience time.Duration) (*ssh.Client, error) {
	client, err := s.connect(ctx, s.batch.Machine, patience)
	var key *ssh.KeyError
	if !s.onNode || !errors.As(err, &key) {
		return client, err
	}
	at, document := node.Document(s.batch.Machine)
	machines, askErr := node.Machines(ctx, s.Agents, at)
	if askErr != nil {
		return nil, errors.Join(err, askErr)
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := machines[document.Name]
	return s.Agents.Node(within, now.Address, now.HostKey)
}
