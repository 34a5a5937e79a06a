package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience bounds one classroom's way to the last login, also on computers without hardware virtualisation.
const patience = 20 * time.Minute

// Usable is how long a classroom took. Each is seconds since the beginning of apply.
type Usable struct {
	Nodes   int     `json:"nodes"`
	Served  float64 `json:"served"`  // PCs can boot: then they are switched on
	Joined  float64 `json:"joined"`  // the last PC has joined
	Applied float64 `json:"applied"` // apply has ended
	Login   float64 `json:"login"`   // the pupil has logged in with her password, at every PC, and has her home
}

// event is one line of `viver apply --json`.
type event struct {
	Type   string `json:"type"`
	Addr   string `json:"addr"`
	Error  string `json:"error"`
	Detail string `json:"detail"`
}

// usable applies the classroom and logs in.
func (c *classroom) usable(ctx context.Context) (u Usable, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	say("%d PCs: apply", len(c.pcs))
	u.Nodes = len(c.pcs)
	begin := time.Now()
	since := func() float64 { return time.Since(begin).Seconds() }
	err = c.apply(ctx, func(e event) error {
		switch {
		case strings.HasSuffix(e.Addr, ".step.unit.dhcp"):
			u.Served = since()
			return c.switchOn(ctx)
		case strings.HasPrefix(e.Addr, "node."):
			u.Joined = since()
		}
		return nil
	})
	if err != nil {
		return u, err
	}
	u.Applied = since()
	if err := c.login(ctx); err != nil {
		return u, err
	}
	u.Login = since()
	return u, nil
}

// apply runs apply to its end, and tells of what has ended well.
func (c *classroom) apply(ctx context.Context, ended func(event) error) error {
	cmd := c.Viver(ctx, "apply", "--auto-approve", "--json")
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = follow(out, ended)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("viver apply: %w\n%s", err, words.String())
	}
	return nil
}

// follow reads events to their end.
func follow(r io.Reader, ended func(event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%w: %s", err, lines.Bytes())
		}
		switch {
		case e.Error != "":
			return fmt.Errorf("%s: %s", e.Addr, e.Error)
		case e.Type == "diagnostic":
			say("%s", e.Detail)
		case e.Type == "apply_end":
			if err := ended(e); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

// switchOn presses the power button of each PC.
func (c *classroom) switchOn(ctx context.Context) error {
	for _, m := range c.Lab.Machines[1:] {
		if err := c.Lab.PowerOn(ctx, m.Name); err != nil {
			return err
		}
	}
	return nil
}

// login logs the pupil in at every PC, again until it works.
func (c *classroom) login(ctx context.Context) error {
	machines, err := c.Machines(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range machines {
		g.Go(func() error {
			return until(ctx, pupil+" has logged in at "+m.Node, func() bool {
				cmd := c.ssh(ctx, pupil, m.Address, "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1")
				cmd.Args[len(cmd.Args)-1] = "findmnt --noheadings --types nfs4 --target ."
				cmd.Env = append(os.Environ(), "WORD="+password, "SSH_ASKPASS="+filepath.Join(c.Dir, "askpass"), "SSH_ASKPASS_REQUIRE=force", "SSH_AUTH_SOCK=")
				return cmd.Run() == nil
			})
		})
	}
	return g.Wait()
}
