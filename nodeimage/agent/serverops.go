package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"viver/nodeimage/spec"
)

// operations returns all that a server does for operators.
func (s *server) operations() map[spec.Op]operation {
	ops := s.machine.operations()
	maps.Copy(ops, map[spec.Op]operation{
		spec.OpStatus:       s.status,
		spec.OpNodePut:      with(func(_ context.Context, n spec.NodeSpec) (any, error) { return s.roster.PutNode(n) }),
		spec.OpNodeRemove:   with(func(_ context.Context, n spec.Named) (any, error) { return nothing{}, s.roster.RemoveNode(n.Name) }),
		spec.OpApprove:      with(func(_ context.Context, a spec.Approval) (any, error) { return s.roster.Approve(a) }),
		spec.OpMachines:     func(context.Context, *call) (any, error) { return s.machines(), nil },
		spec.OpMachineWatch: s.watch,
		spec.OpImagePut:     s.putImage,
		spec.OpImageList:    s.listImages,
		spec.OpImageRemove:  s.removeImage,
		spec.OpPowerOff:     refusePowerOff,
		spec.OpQuit:         s.quitAfter,
	})
	return ops
}

func (s *server) status(context.Context, *call) (any, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	return spec.AgentStatus{
		Version: s.config.Version, Cluster: s.self.Cluster, Name: s.self.Name, Hostname: host, BootID: boot,
		Units: s.units.Status(), Facts: s.config.Facts, Passports: s.self.issuer != nil,
	}, nil
}

// machines returns a list that is never null in JSON.
func (s *server) machines() []spec.Machine { return append([]spec.Machine{}, s.roster.Machines()...) }

func (s *server) watch(ctx context.Context, c *call) (any, error) {
	return nothing{}, s.roster.Watch(ctx, func(m spec.Machine) error { return c.event(m) })
}

// quitAfter ends the agent once the operator has seen the answer and closed the channel, or a second later.
func (s *server) quitAfter(ctx context.Context, c *call) (any, error) {
	c.after = func() {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		s.quit()
	}
	return nothing{}, nil
}

func refusePowerOff(context.Context, *call) (any, error) {
	return nil, errors.New("agent: this machine is a server with a system of its own: viver does not switch it off")
}
