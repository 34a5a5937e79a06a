package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"viver/planner/state"
	"viver/providers/ssh"
	"viver/providers/trust"
)

// sshHost is a machine that keeps a state. Each session has a connection of its own: the end of the one is the end of the other.
type sshHost struct{ target ssh.Target }

// Run implements sshstate.Host.
func (h sshHost) Run(ctx context.Context, command string, in io.Reader, out, errs io.Writer) error {
	var pool ssh.Pool
	client, err := pool.Connect(ctx, h.target)
	if err == nil {
		err = client.Session(ctx, command, ssh.Terminal{In: in, Out: out, Err: errs})
	}
	return errors.Join(err, pool.Close())
}

// authority is the name under which the cluster's authority is kept with a shared state.
const authority = "authority"

// withState runs f with the state open and locked.
func (p *project) withState(ctx context.Context, command string, f func(state.Writer) error) error {
	return p.withAnyState(ctx, command, func(h home, w state.Writer) error {
		if err := p.leftBehind(h, w.State()); err != nil {
			return err
		}
		return f(w)
	})
}

// withAnyState is withState also where the state of the folder beside the configuration was left behind.
func (p *project) withAnyState(ctx context.Context, command string, f func(home, state.Writer) error) error {
	h, err := p.home()
	if err != nil {
		return err
	}
	w, err := h.Open(ctx, command)
	if err != nil {
		return err
	}
	if h.shared {
		err = p.shareAuthority(ctx, h, w)
	}
	if err == nil {
		err = f(h, w)
	}
	return errors.Join(err, w.Close())
}

// remembered reads the state.
func (p *project) remembered(ctx context.Context) (*state.State, error) {
	h, err := p.home()
	if err != nil {
		return nil, err
	}
	s, err := h.Read(ctx)
	if err == nil && h.shared {
		err = errors.Join(p.takeAuthority(ctx, h), p.leftBehind(h, s))
	}
	return s, err
}

// leftBehind refuses an empty shared state while there is one in the folder: somebody has just written the state block, and all that is
// remembered would be made a second time.
func (p *project) leftBehind(h home, s *state.State) error {
	if !h.shared || s.Serial > 0 || len(s.Instances) > 0 {
		return nil
	}
	local, err := state.Read(p.stateDir)
	if err != nil || len(local.Instances) == 0 {
		return err
	}
	file := filepath.Join(p.stateDir, "state.json")
	return fmt.Errorf("the state in %s is empty, and the folder %s has one with %d instances: run `viver state push %s` to take it over, or move that file away",
		h.Place(), p.stateDir, len(local.Instances), file)
}

// shareAuthority sees to it that those who share the state have one authority, before anything is done with it.
func (p *project) shareAuthority(ctx context.Context, h home, w state.Writer) error {
	if err := p.takeAuthority(ctx, h); err != nil {
		return err
	}
	kept, err := h.Kept(ctx, authority)
	if err != nil || kept != nil {
		return err
	}
	dir := authorityDir(p.stateDir)
	if _, err := trust.Open(dir); err != nil {
		return err
	}
	if kept, err = trust.Export(dir); err != nil {
		return err
	}
	return w.Keep(authority, kept)
}

// takeAuthority puts the shared authority where the providers look for it.
func (p *project) takeAuthority(ctx context.Context, h home) error {
	kept, err := h.Kept(ctx, authority)
	if err != nil || kept == nil {
		return err
	}
	if err := trust.Import(authorityDir(p.stateDir), kept); err != nil {
		return fmt.Errorf("the state in %s belongs to another cluster than this folder: %w", h.Place(), err)
	}
	return nil
}
