package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"viver/testing/installed"
	"viver/testing/lab"
	"viver/testing/room"
)

const (
	labName = "bench-pacs"
	address = "10.20.0.2" // of the server
	// mostPCs is how many the example's list has.
	mostPCs = 40
	// memoryMB of each machine.
	memoryMB = 768
)

// The pupil who logs in.
const (
	pupil    = "anna"
	password = "stars & stripes"
)

// classroom is examples/classroom in a lab, with a server of its own.
type classroom struct {
	*room.Room
	*installed.System
	pcs []string // names, as in the configuration
}

// open makes a classroom with the server on and all PCs off. close must be called.
func open(ctx context.Context, pcs int) (_ *classroom, err error) {
	dir, err := os.MkdirTemp("", labName)
	if err != nil {
		return nil, err
	}
	machines := []lab.Machine{{Name: "server", MemoryMB: memoryMB}}
	for n := range pcs {
		machines = append(machines, lab.Machine{Name: fmt.Sprintf("vm%d", n+1), MemoryMB: memoryMB})
	}
	r, err := room.Open(ctx, room.Options{
		Name: labName, Config: "examples/classroom", Dir: filepath.Join(dir, "classroom"), Machines: machines,
		Vars: map[string]string{"interface": "eth0", "data_dir": "/var/lib/viver", "address": address, "nodes": fmt.Sprint(pcs)},
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c := &classroom{Room: r}
	if err := errors.Join(c.configure(ctx), c.install(ctx, dir)); err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return c, nil
}

// configure writes what is not in the example: the lab's PCs, the pupil's password, and what the server's disk has.
func (c *classroom) configure(ctx context.Context) error {
	list := "name,mac,row\n"
	for n, m := range c.Lab.Machines[1:] {
		c.pcs = append(c.pcs, fmt.Sprintf("pc%02d", n+1))
		list += fmt.Sprintf("%s,%s,1\n", c.pcs[n], m.MAC)
	}
	hashed := exec.CommandContext(ctx, "openssl", "passwd", "-6", "-stdin")
	hashed.Stdin = strings.NewReader(password)
	hash, err := hashed.Output()
	if err != nil {
		return fmt.Errorf("openssl passwd: %w", err)
	}
	more, err := os.ReadFile("testing/bench/pacs/room/server.viver.hcl")
	return errors.Join(err,
		c.write("pcs.csv", list),
		c.write("secrets.auto.viver.vars", fmt.Sprintf("passwords = { %s = %q }\n", pupil, strings.TrimSpace(string(hash)))),
		c.write("server.viver.hcl", string(more)),
		c.write("askpass", "#!/bin/sh\nprintf '%s\\n' \"$WORD\"\n"),
		os.Chmod(filepath.Join(c.Dir, "askpass"), 0o755),
	)
}

func (c *classroom) write(name, text string) error {
	return os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644)
}

// install makes the server's disk of the image, and waits until its sshd answers.
func (c *classroom) install(ctx context.Context, dir string) error {
	say("the image, and the server's disk")
	if out, err := c.Build(ctx).CombinedOutput(); err != nil {
		return fmt.Errorf("build the image: %w\n%s", err, out)
	}
	image, err := c.image(ctx)
	if err != nil {
		return err
	}
	server := &c.Lab.Machines[0]
	if c.System, err = installed.Install(ctx, dir, server, image, address); err != nil {
		return err
	}
	if err := c.write("server.auto.viver.vars", fmt.Sprintf("login = { identity_file = %q, host_key = %q }\n", c.Key, c.HostKey)); err != nil {
		return err
	}
	if err := c.Lab.PowerOn(ctx, server.Name); err != nil {
		return err
	}
	return until(ctx, "the server's sshd answers", func() bool { return c.ssh(ctx, "root", address, "-i", c.Key, "-o", "BatchMode=yes").Run() == nil })
}

// image is the folder of the image that was built.
func (c *classroom) image(ctx context.Context) (string, error) {
	cache := os.Getenv("VIVER_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "viver")
	}
	out, err := c.Viver(ctx, "state", "show", "--json", c.Image).Output()
	if err != nil {
		return "", fmt.Errorf("viver state show: %w", err)
	}
	var remembered []struct {
		Computed map[string]struct{ Value any }
	}
	if err := json.Unmarshal(out, &remembered); err != nil || len(remembered) != 1 {
		return "", fmt.Errorf("viver state show %s: %w: %s", c.Image, err, out)
	}
	return filepath.Join(cache, "images", strings.TrimPrefix(fmt.Sprint(remembered[0].Computed["id"].Value), "sha256:")), nil
}

// ssh is OpenSSH's client on the lab's host; what it runs succeeds.
func (c *classroom) ssh(ctx context.Context, user, host string, options ...string) *exec.Cmd {
	args := append([]string{"-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10"}, options...)
	return c.Lab.Command(ctx, "ssh", append(args, user+"@"+host, "true")...)
}

// close ends all machines and removes the room with its folder.
func (c *classroom) close(ctx context.Context) error {
	return errors.Join(c.Close(context.WithoutCancel(ctx)), os.RemoveAll(filepath.Dir(c.Dir)))
}

// until asks every half second until what is expected is there.
func until(ctx context.Context, what string, there func() bool) error {
	for !there() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting until %s: %w", what, ctx.Err())
		case <-time.After(time.Second / 2):
		}
	}
	return nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
