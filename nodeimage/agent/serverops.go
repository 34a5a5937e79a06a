package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

// operations returns all that a server does for operators.
func (s *server) operations() map[spec.Op]operation {
	ops := s.machine.operations()
	maps.Copy(ops, map[spec.Op]operation{
		spec.OpStatus:       s.status,
		spec.OpNodePut:      with(func(_ context.Context, n spec.NodeSpec) (any, error) { return s.roster.PutNode(n) }),
		spec.OpNodeRemove:   with(func(_ context.Context, n spec.Named) (any, error) { return nothing{}, s.roster.RemoveNode(n.Name) }),
		spec.OpMachines:     func(context.Context, *call) (any, error) { return s.machines(), nil },
		spec.OpMachineWatch: s.watch,
		spec.OpImagePut:     s.putImage,
		spec.OpImageList:    func(context.Context, *call) (any, error) { return s.listImages() },
		spec.OpImageRemove:  with(s.removeImage),
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
		Units: s.units.Status(), Facts: s.config.Facts,
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

// putImage reads the payload into the store. One that is there already is read all the same: the operator is sending it.
func (s *server) putImage(_ context.Context, c *call) (any, error) {
	m := new(spec.Manifest)
	if err := spec.Decode(c.args, m); err != nil {
		return nil, err
	}
	draft, err := s.images.Create(m)
	if errors.Is(err, fs.ErrExist) {
		_, err := io.CopyN(io.Discard, c.payload, payloadSize(m))
		return nothing{}, err
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = draft.Abort() }() // what it cannot remove, the next agent does
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := draft.Write(name, io.LimitReader(c.payload, m.Files[name].Size)); err != nil {
			return nil, err
		}
	}
	if err := draft.Write(imagestore.FileRoot, io.LimitReader(c.payload, m.Root.Size)); err != nil {
		return nil, err
	}
	if err := draft.Commit(); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return nothing{}, nil
}

func payloadSize(m *spec.Manifest) int64 {
	size := m.Root.Size
	for _, f := range m.Files {
		size += f.Size
	}
	return size
}

func (s *server) listImages() ([]spec.Digest, error) {
	ids, err := s.images.List()
	return append([]spec.Digest{}, ids...), err
}

// removeImage refuses to take away what a machine boots from. One that is not there is no error.
func (s *server) removeImage(_ context.Context, n spec.Named) (any, error) {
	id := spec.Digest(n.Name)
	if user := s.roster.UserOf(id); user != "" {
		return nil, fmt.Errorf("agent: image %s is in use by %s: power it off and remove it first", id, user)
	}
	if err := s.images.Remove(id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nothing{}, nil
}
