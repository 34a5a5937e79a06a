// Package agents is how viver reaches the agents of its cluster: on which port, with whose certificate, and which key it expects
// from whom. A server proves itself by a certificate of the cluster's authority, a node by the key that was pinned when it joined.
package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"sync"
	"time"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/providers/ssh"
	"viver/providers/trust"
)

// Agents is safe for concurrent use. Dir must be set.
type Agents struct {
	// Dir is the folder of the cluster's authority.
	Dir string
	// Pool keeps the connections. It must not be nil.
	Pool *ssh.Pool
	// Port is where agents listen; 0: spec.PortSSH.
	Port int

	mu        sync.Mutex // guards what follows
	authority *trust.Authority
	operator  cryptossh.Signer
	made      time.Time // when operator was
}

// renewAfter is the age at which the operator's certificate is made anew.
const renewAfter = trust.OperatorValidity / 2

// Server names an agent on a server.
type Server struct {
	Name    string
	Address string // IP address or host name
}

// Found makes the cluster's authority if there is none yet. Only the bringing about of a server may do that.
func (a *Agents) Found() (*trust.Authority, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.authority == nil {
		authority, err := trust.Open(a.Dir)
		if err != nil {
			return nil, err
		}
		a.authority = authority
	}
	return a.authority, nil
}

// Authority is that of the cluster. The error is fs.ErrNotExist if nothing has been applied yet.
func (a *Agents) Authority() (*trust.Authority, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.load()
}

// load is Authority; a.mu is held.
func (a *Agents) load() (*trust.Authority, error) {
	if a.authority != nil {
		return a.authority, nil
	}
	authority, err := trust.Load(a.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the cluster's key %s is gone, without which no machine lets viver in: put the folder back from a backup; without one, remove the servers' data_dir, their agents' processes and the state by hand: %w", a.Dir, err)
	}
	if err == nil {
		a.authority = authority
	}
	return authority, err
}

// Server connects to a server's agent. It tries until that works or ctx ends.
func (a *Agents) Server(ctx context.Context, s Server) (*ssh.Client, error) {
	return a.server(ctx, s, false)
}

// AskServer connects to a server, once, and asks it for one document, without changing anything there. A connection that turns out
// to have ended since it was last used is made anew.
func (a *Agents) AskServer(ctx context.Context, s Server, op spec.Op, result any) error {
	for {
		client, err := a.server(ctx, s, true)
		if err != nil {
			return err
		}
		err = client.Do(ctx, op, nil, result)
		if err == nil || ctx.Err() != nil || !client.Lost(err) {
			return err
		}
	}
}

func (a *Agents) server(ctx context.Context, s Server, once bool) (*ssh.Client, error) {
	if s.Address == "" {
		return nil, fmt.Errorf("server %q has no address", s.Name)
	}
	authority, auth, err := a.credentials()
	if err != nil {
		return nil, err
	}
	return a.connect(ctx, ssh.Target{Addr: s.Address, HostKey: ssh.SignedBy(authority.PublicKey(), s.Name), Auth: auth, Once: once})
}

// connectTime bounds connecting to a server that is to tell of its machines.
const connectTime = 8 * time.Second

// Watch calls emit with each machine that a server knows, then with each that it hears something new of, until ctx ends or the server is
// lost: it returns only with an error then, and soon if the server cannot be reached.
func (a *Agents) Watch(ctx context.Context, s Server, emit func(spec.Machine)) error {
	within, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	client, err := a.Server(within, s)
	if err != nil {
		return err
	}
	_, err = client.Call(ctx, spec.OpMachineWatch, nil, nil, func(reply spec.Reply) {
		var m spec.Machine
		if json.Unmarshal(reply.Event, &m) == nil && m.MAC != "" {
			emit(m)
		}
	})
	if err == nil {
		err = errors.New("the server has ended the stream of its machines")
	}
	return err
}

// Node connects to a node's agent; hostKey is one line in the form of authorized_keys. It tries until that works or ctx ends.
func (a *Agents) Node(ctx context.Context, address, hostKey string) (*ssh.Client, error) {
	return a.node(ctx, address, hostKey, false)
}

// AskNode is Node with one attempt only.
func (a *Agents) AskNode(ctx context.Context, address, hostKey string) (*ssh.Client, error) {
	return a.node(ctx, address, hostKey, true)
}

func (a *Agents) node(ctx context.Context, address, hostKey string, once bool) (*ssh.Client, error) {
	if address == "" || hostKey == "" {
		return nil, errors.New("it has not joined yet: its address and host key are not known")
	}
	key, err := ssh.ParseKey(hostKey)
	if err != nil {
		return nil, err
	}
	_, auth, err := a.credentials()
	if err != nil {
		return nil, err
	}
	return a.connect(ctx, ssh.Target{Addr: address, HostKey: ssh.Pinned(key), Auth: auth, Once: once})
}

func (a *Agents) connect(ctx context.Context, t ssh.Target) (*ssh.Client, error) {
	port := a.Port
	if port == 0 {
		port = spec.PortSSH
	}
	t.Addr, t.User = net.JoinHostPort(t.Addr, strconv.Itoa(port)), spec.Principal
	return a.Pool.Connect(ctx, t)
}

// credentials are the authority, and a way to log in that it has certified.
func (a *Agents) credentials() (*trust.Authority, []cryptossh.AuthMethod, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	authority, err := a.load()
	if err != nil {
		return nil, nil, err
	}
	if now := time.Now(); a.operator == nil || now.Sub(a.made) > renewAfter {
		if a.operator, err = authority.Operator(now); err != nil {
			return nil, nil, err
		}
		a.made = now
	}
	return authority, []cryptossh.AuthMethod{cryptossh.PublicKeys(a.operator)}, nil
}
