package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/build"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
	"viver/providers/ssh"
	"viver/providers/trust"
)

// How long an agent may take to answer after it was started, and to end after it was asked to.
const (
	startTimeout = 40 * time.Second
	quitTimeout  = 20 * time.Second
	lastWords    = 3 * time.Second // for an agent that does not answer to end
)

// Apply puts the agent on the server, or a new one in place of an old one, and waits until it answers.
func (t *Type) Apply(ctx context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	agent := agents.Server{Name: nameOf(r.Addr), Address: object.String(r.Config, "address")}
	h, err := t.open(ctx, r.Config)
	if err != nil {
		return nil, err
	}
	if err := checkDir(cty.StringVal(h.dir)); err != nil {
		return nil, fmt.Errorf("data_dir %q: %w", h.dir, err)
	}
	program, err := t.program()
	if err != nil {
		return nil, err
	}
	state, err := h.inspect(ctx)
	if err != nil {
		return nil, err
	}
	if state.user != 0 {
		return nil, errNotRoot(h)
	}
	if h.here {
		if err := isOurs(agent.Address); err != nil {
			return nil, err
		}
	}
	authority, err := t.Agents.Found()
	if err != nil {
		return nil, err
	}
	if err := state.refuseForeign(authority, agent.Name); err != nil {
		return nil, fmt.Errorf("%s is in use: %w", h.dir, err)
	}
	// From here on something of viver is there, whatever comes.
	known := map[string]cty.Value{"name": cty.StringVal(agent.Name)}
	changed, err := h.furnish(ctx, state, authority, agent.Name, program)
	if err != nil {
		return known, err
	}
	if changed || state.pid == "" {
		report(r, "starting its agent")
		if state.pid != "" {
			t.quit(ctx, agent)
		}
		if err := h.restart(ctx); err != nil {
			return known, err
		}
	}
	status, err := t.answer(ctx, h, agent)
	if err != nil {
		return known, err
	}
	all, err := t.computed(ctx, h, authority, agent, status)
	if err != nil {
		return known, err
	}
	return all, nil
}

func errNotRoot(h *host) error {
	if h.here {
		return errors.New("this machine is to be the server, and viver does not run as root here: it must answer DHCP (port 67) and TFTP (port 69), and write to " + h.dir +
			": run it with sudo, or give the server an ssh block")
	}
	return errors.New("the user in its ssh block is not root there: DHCP (port 67) and TFTP (port 69) need root: set user = \"root\"")
}

// isOurs refuses an address that this machine does not have: machines would wait for a server that is not there.
func isOurs(address string) error {
	ips := []net.IP{net.ParseIP(address)}
	if ips[0] == nil {
		var err error
		if ips, err = net.LookupIP(address); err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("look for this machine's addresses: %w", err)
	}
	var names []string
	for _, a := range own {
		network, ok := a.(*net.IPNet)
		if ok && slices.ContainsFunc(ips, network.IP.Equal) {
			return nil
		}
		names = append(names, a.String())
	}
	return fmt.Errorf("this machine does not have the address %s (it has %s): give it that address, say by `ip address add %s/24 dev eth1`, or give the server an ssh block",
		address, strings.Join(names, ", "), address)
}

// program reads viver-node.
func (t *Type) program() ([]byte, error) {
	name, err := t.NodeBinary()
	if err != nil {
		return nil, err
	}
	return build.ReadProgram(name)
}

func (h *host) inspect(ctx context.Context) (found, error) {
	out, err := h.do(ctx, "inspect")
	if err != nil {
		return found{}, err
	}
	return parseFound(out)
}

// furnish puts identity and program there where they are not, and tells whether it did.
func (h *host) furnish(ctx context.Context, state found, a *trust.Authority, name string, program []byte) (changed bool, err error) {
	has := state.hasIdentity(a, name)
	if !has {
		id, err := newIdentity(a, name)
		if err != nil {
			return false, err
		}
		if _, err := h.give(ctx, "identity", id); err != nil {
			return false, err
		}
	}
	if state.program == digest(program) {
		return !has, nil
	}
	_, err = h.give(ctx, "program", program)
	return true, err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (h *host) restart(ctx context.Context) error {
	if _, err := h.do(ctx, "stop"); err != nil {
		return err
	}
	_, err := h.do(ctx, "start")
	return err
}

// quit asks the agent to end with all its units, as far as it listens; the host ends it otherwise.
func (t *Type) quit(ctx context.Context, agent agents.Server) {
	ctx, cancel := context.WithTimeout(ctx, quitTimeout)
	defer cancel()
	short, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	client, err := t.Agents.Server(short, agent)
	if err != nil {
		return
	}
	if _, err := client.Call(ctx, spec.OpQuit, nil, nil, nil); err == nil {
		select {
		case <-client.Done():
		case <-ctx.Done():
		}
	}
}

// answer waits until the agent answers, or has ended.
func (t *Type) answer(ctx context.Context, h *host, agent agents.Server) (spec.AgentStatus, error) {
	var status spec.AgentStatus
	within, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	watched := make(chan struct{})
	watch, ended := context.WithCancelCause(within)
	go func() {
		defer close(watched)
		for watch.Err() == nil {
			select {
			case <-watch.Done():
			case <-time.After(time.Second):
				if _, err := h.do(watch, "alive"); err != nil && watch.Err() == nil {
					ended(errors.New("it ended at once"))
				}
			}
		}
	}()
	client, err := t.Agents.Server(watch, agent)
	var key *ssh.KeyError
	if errors.As(err, &key) { // whose agent is this? Ours may be about to say that the port is taken
		select {
		case <-watch.Done():
			err = fmt.Errorf("%w (%w)", context.Cause(watch), err)
		case <-time.After(lastWords):
		}
	}
	if err == nil {
		err = client.Do(watch, spec.OpStatus, nil, &status)
	}
	ended(nil)
	<-watched
	if err == nil || ctx.Err() != nil {
		return status, err
	}
	log, _ := h.do(ctx, "log")
	return status, fmt.Errorf("its agent was started and does not answer: %w; its log ends with:\n%s", err, bytes.TrimSpace(log))
}

func (t *Type) computed(ctx context.Context, h *host, a *trust.Authority, agent agents.Server, status spec.AgentStatus) (map[string]cty.Value, error) {
	state, err := h.inspect(ctx)
	if err != nil {
		return nil, err
	}
	key, err := hostKey(state.files["host_key-cert.pub"], a, agent.Name)
	if err != nil {
		return nil, fmt.Errorf("read its host certificate: %w", err)
	}
	return map[string]cty.Value{
		"name":     cty.StringVal(agent.Name),
		"version":  cty.StringVal(status.Version),
		"host_key": cty.StringVal(strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(key)))),
	}, nil
}

func report(r resource.ApplyRequest, detail string) {
	if r.Report != nil {
		r.Report(resource.Progress{Detail: detail})
	}
}
