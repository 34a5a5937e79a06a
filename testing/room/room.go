// Package room is a lab with a configuration and somebody who types: what the demonstration, the end-to-end tests and
// the boot benchmarks have in common. It uses viver as a person does, by its command line.
package room

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/lab"
)

// Options describe a room. Name, Config and Machines are needed.
type Options struct {
	Name     string
	Config   string // folder of the configuration; it is copied
	Dir      string // where the copy, the state and the seed's files go; made if need be
	Machines []lab.Machine
	Vars     map[string]string // added to every plan and apply; the room sets those that a lab needs itself
}

// Room is one lab with its configuration.
type Room struct {
	Lab *lab.Lab
	Dir string // the configuration; state and data_dir stand in it
	// Image is the address of the image that Build builds; Open sets that of the example's.
	Image string
	bin   string
	vars  map[string]string
}

// Open makes the lab, with all machines off, and copies the configuration. A lab of that name that an earlier run left is removed first.
func Open(ctx context.Context, o Options) (*Room, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	if err := lab.Remove(ctx, o.Name); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, err
	}
	if err := os.CopyFS(o.Dir, os.DirFS(o.Config)); err != nil {
		return nil, fmt.Errorf("room %s: copy the configuration: %w", o.Name, err)
	}
	l, err := lab.Up(ctx, lab.Lab{Name: o.Name, Address: "10.20.0.1/16", Machines: o.Machines})
	if err != nil {
		return nil, err
	}
	r := &Room{Lab: l, Dir: o.Dir, Image: "image.desk", bin: bin, vars: map[string]string{
		"interface": lab.Bridge, "data_dir": filepath.Join(o.Dir, "seed"), "nodes": fmt.Sprint(len(o.Machines)),
		"kernel": "linux-image-cloud-amd64", "compression": "3", "bios_loader": "ipxe.pxe", "kernel_arguments": lab.Arguments,
	}}
	for name, value := range o.Vars {
		r.vars[name] = value
	}
	return r, nil
}

// binaries finds the folder with viver and viver-node: bin/ of the module that the working folder is in.
func binaries() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			bin := filepath.Join(dir, "bin")
			if _, err := os.Stat(filepath.Join(bin, "viver-node")); err != nil {
				return "", fmt.Errorf("room: viver is not built yet: make build: %w", err)
			}
			return bin, nil
		}
	}
	return "", fmt.Errorf("room: no go.mod above the working folder")
}

// Viver returns the command `viver WORD -C Dir ARGS...` on the lab's host, with the room's variables where they apply.
func (r *Room) Viver(ctx context.Context, word string, args ...string) *exec.Cmd {
	line := []string{word, "-C", r.Dir}
	switch word {
	case "plan", "apply", "validate":
		for name, value := range r.vars {
			line = append(line, "--var", name+"="+value)
		}
	}
	return r.Lab.Command(ctx, filepath.Join(r.bin, "viver"), append(line, args...)...)
}

// Build builds the configuration's image outside of the lab: its network has no way to a distribution's packages. It is quick when it
// is in the cache. Nothing else is applied.
func (r *Room) Build(ctx context.Context) *exec.Cmd {
	inside := r.Viver(ctx, "apply", "--auto-approve", "--target", r.Image)
	return exec.CommandContext(ctx, inside.Args[4], inside.Args[5:]...)
}

// Run runs viver to its end and returns what it printed; the error holds that too.
func (r *Room) Run(ctx context.Context, word string, args ...string) (string, error) {
	out, err := r.Viver(ctx, word, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("viver %s: %w\n%s", word, err, out)
	}
	return string(out), nil
}

// WaitServed waits until the seed's DHCP server listens: the moment at which a person would go round and switch the machines on.
func (r *Room) WaitServed(ctx context.Context) error {
	for {
		out, err := r.Lab.Command(ctx, "ss", "-Hlun", "sport = :67").Output()
		if err == nil && len(bytes.TrimSpace(out)) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("room %s: no DHCP server came up: %w", r.Lab.Name, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Apply runs apply, a command from Viver, and switches all machines on as soon as the seed serves. It returns when each was, by
// its MAC address.
func (r *Room) Apply(ctx context.Context, apply *exec.Cmd) (map[string]time.Time, error) {
	pressed := map[string]time.Time{}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(apply.Run)
	g.Go(func() error {
		if err := r.WaitServed(gctx); err != nil {
			return err
		}
		for _, m := range r.Lab.Machines {
			pressed[m.MAC] = time.Now()
			if err := r.Lab.PowerOn(gctx, m.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	return pressed, nil
}

// Machines returns what the seed knows of its machines.
func (r *Room) Machines(ctx context.Context) ([]spec.Machine, error) {
	var machines []spec.Machine
	out, err := r.Viver(ctx, "nodes", "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("viver nodes: %w", err)
	}
	if err := json.Unmarshal(out, &machines); err != nil {
		return nil, fmt.Errorf("viver nodes: %w: %s", err, out)
	}
	return machines, nil
}

// Watch calls seen with each machine, and whenever the seed hears something new of one, until seen returns true.
func (r *Room) Watch(ctx context.Context, seen func(spec.Machine) (done bool)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.Viver(ctx, "nodes", "--watch", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("viver nodes --watch: %w", err)
	}
	defer cmd.Wait() // it is killed
	for d := json.NewDecoder(out); ; {
		var m spec.Machine
		if err := d.Decode(&m); err != nil {
			return fmt.Errorf("viver nodes --watch: %w", errors.Join(ctx.Err(), err))
		}
		if seen(m) {
			cancel()
			return nil
		}
	}
}

// Serial returns the last lines that the machine printed on its console.
func (r *Room) Serial(machine string, lines int) string {
	m, err := r.Lab.Machine(machine)
	if err != nil {
		return err.Error()
	}
	data, err := os.ReadFile(m.SerialLog())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Close ends everything in the lab and removes it. The folder stays for whoever wants to look, with what each machine printed on its
// serial console in NAME.log.
func (r *Room) Close(ctx context.Context) error {
	var errs []error
	for _, m := range r.Lab.Machines {
		printed, err := os.ReadFile(m.SerialLog())
		if errors.Is(err, os.ErrNotExist) {
			continue // it was never switched on
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Dir, m.Name+".log"), printed, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, r.Lab.Down(ctx))...)
}
