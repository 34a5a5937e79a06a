package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
)

// Names of the systems in the report.
const (
	local     = "local"
	nbdServer = "nbd-server"
	viver     = "viver"
)

// system boots machines of its own in one way, again and again.
type system interface {
	// boot switches the first so many machines on, waits until they have joined, and switches them off.
	boot(ctx context.Context, nodes int) ([]boot, error)
	// close ends all machines and servers.
	close(ctx context.Context) error
}

// boot is one machine's way to joined.
type boot struct {
	stages        map[spec.Stage]float64 // seconds since QEMU was started
	network, root int64                  // bytes until joined: received by the machine, and read from the root's device
}

// workshop is what the systems are made from.
type workshop struct {
	image image
	cache string // folder that stays
	dir   string // folder that goes
	most  int    // machines at once
}

// machines describes the machines of one system.
func (w *workshop) machines() []lab.Machine {
	var list []lab.Machine
	for i := range w.most {
		list = append(list, lab.Machine{Name: fmt.Sprintf("vm%d", i+1)})
	}
	return list
}

const (
	// patience bounds one boot of all machines, on computers without hardware virtualisation too.
	patience = 5 * time.Minute
	// tries is how often a boot is tried: an emulated machine may get stuck for ever when its computer is overloaded. The report tells.
	tries = 2
)

// compare boots the systems in turns, in another order each round.
func compare(ctx context.Context, rounds int, contests []contest) (_ results, err error) {
	w, err := openWorkshop(ctx, contests)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(w.dir)) }()
	systems, err := w.open(ctx, contests)
	defer func() {
		for _, s := range systems {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if err != nil {
		return nil, err
	}
	all := results{}
	for i := range rounds {
		for _, at := range rand.Perm(len(contests)) {
			c := contests[at]
			r, err := hold(ctx, systems[c.system], c)
			if err != nil {
				return nil, fmt.Errorf("%s, %d at once: %w", c.system, c.nodes, err)
			}
			all[c] = append(all[c], r)
			say(fmt.Sprintf("round %d: %s, %d at once: %.1f s", i+1, c.system, c.nodes, joinedOf(r)))
		}
	}
	return all, nil
}

// hold lets a contest's machines boot, once more if that fails.
func hold(ctx context.Context, s system, c contest) (round, error) {
	for failed := 0; ; failed++ {
		limited, cancel := context.WithTimeout(ctx, patience)
		boots, err := s.boot(limited, c.nodes)
		cancel()
		if err == nil {
			r := roundOf(boots)
			r.failed = failed
			return r, nil
		}
		if ctx.Err() != nil || failed+1 == tries {
			return round{}, err
		}
		say(fmt.Sprintf("%s, %d at once: %v\n-- once more", c.system, c.nodes, err))
	}
}

func openWorkshop(ctx context.Context, contests []contest) (*workshop, error) {
	w := new(workshop)
	for _, c := range contests {
		w.most = max(w.most, c.nodes)
	}
	var err error
	if w.cache, err = cacheDir(); err != nil {
		return nil, err
	}
	if w.image, err = buildImage(ctx, w.cache); err != nil {
		return nil, err
	}
	w.dir, err = os.MkdirTemp("", "viver-bench-")
	return w, err
}

// open makes the systems that are in the contests. Those that it has made are returned with an error, too.
func (w *workshop) open(ctx context.Context, contests []contest) (map[string]system, error) {
	makers := map[string]func(context.Context, *workshop) (system, error){local: openLocal, nbdServer: openNBDServer, viver: openViver}
	systems := map[string]system{}
	for name, open := range makers {
		if !slices.ContainsFunc(contests, func(c contest) bool { return c.system == name }) {
			continue
		}
		s, err := open(ctx, w)
		if err != nil {
			return systems, fmt.Errorf("%s: %w", name, err)
		}
		systems[name] = s
	}
	return systems, nil
}

// say prints what is going on.
func say(text string) { fmt.Println("--", text) }
