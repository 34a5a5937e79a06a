// Package supervise keeps a machine's units running: each is a process of its own, so that one that crashes takes nothing with it.
//
// It owns the processes, their restarts, what is known of their state, and the list of units that is started again with the agent
// (units.json). What a unit does is its own matter: it gets a spec.UnitStart on its standard input, writes lines of
// spec.UnitEvent to file descriptor 3, and ends on SIGTERM.
package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"viver/nodeimage/spec"
)

// Config is what a Supervisor needs. Dir must be set.
type Config struct {
	// Dir holds units.json, and below state a folder for each unit: its UnitStart.StateDir.
	Dir string
	// World is what every unit is told; Unit and StateDir are filled in.
	World spec.UnitStart
	// Command makes a unit's process, not yet started; nil: this executable with the word "unit".
	Command func() *exec.Cmd
	// Machine is called with what units saw of machines, from several goroutines; nil: dropped.
	Machine func(spec.MachineEvent)
	// Changed is called after each change of a unit's state, from several goroutines; nil: nobody is told.
	Changed func()
	// Output gets what units write to their standard error, line by line with the unit's name before it; nil: os.Stderr.
	Output io.Writer
	Log    *slog.Logger
	// Pause is the time before start number n (1, 2, ...) after the unit ended by itself; nil: 1 s, doubled up to 30 s.
	Pause func(n int) time.Duration
	// StopGrace is how long a unit may take to end after SIGTERM before it is killed; 0: 5 s.
	StopGrace time.Duration
}

// Supervisor runs units. It is safe for concurrent use.
type Supervisor struct {
	config Config

	change sync.Mutex // held while the list changes: one change at a time, each saved before the next

	mu      sync.Mutex // guards the rest
	units   []*unit    // in the order in which they were put
	stopped bool
}

// New returns a supervisor that knows the units in Dir; Start starts them.
func New(c Config) (*Supervisor, error) {
	c.StopGrace = cmp.Or(c.StopGrace, 5*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Command == nil {
		c.Command = func() *exec.Cmd { return &exec.Cmd{Path: "/proc/self/exe", Args: []string{"viver-node", "unit"}} }
	}
	if c.Machine == nil {
		c.Machine = func(spec.MachineEvent) {}
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Output == nil {
		c.Output = os.Stderr
	}
	c.Output = &lockedWriter{w: c.Output}
	if c.Pause == nil {
		c.Pause = func(n int) time.Duration { return min(30*time.Second, time.Second<<min(n-1, 5)) }
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("supervise: %w", err)
	}
	specs, err := load(c.Dir)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{config: c}
	for _, u := range specs {
		s.units = append(s.units, newUnit(&s.config, u))
	}
	return s, nil
}

// Start starts all units that are known, in the order in which they were put, and does not wait for them. It must be called once, before
// Put and Remove.
func (s *Supervisor) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.units {
		u.start()
	}
}

// Put makes a unit what u says, and waits until it is ready or has failed; a status that says failed is no error here: the unit
// goes on being started. The same unit again is left alone while it runs, and started at once if it waits for a restart.
func (s *Supervisor) Put(ctx context.Context, u spec.UnitSpec) (spec.UnitStatus, error) {
	if err := validate(u); err != nil {
		return spec.UnitStatus{}, err
	}
	running, err := s.replace(u)
	if err != nil {
		return spec.UnitStatus{}, err
	}
	return running.settled(ctx)
}

// replace brings the unit about and returns it, started.
func (s *Supervisor) replace(u spec.UnitSpec) (*unit, error) {
	s.change.Lock()
	defer s.change.Unlock()
	old := s.find(u.Name)
	if old != nil && old.same(u) {
		old.retryNow()
		return old, nil
	}
	if old != nil {
		old.stop()
	}
	fresh := newUnit(&s.config, u)
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil, errors.New("supervise: the agent is about to end: try again")
	}
	if i := slices.Index(s.units, old); i >= 0 {
		s.units[i] = fresh
	} else {
		s.units = append(s.units, fresh)
	}
	fresh.start()
	specs := s.specs()
	s.mu.Unlock()
	return fresh, save(s.config.Dir, specs)
}

// Remove ends a unit and forgets it, with its state folder. One that is not known is no error: its status says stopped.
func (s *Supervisor) Remove(name string) (spec.UnitStatus, error) {
	s.change.Lock()
	defer s.change.Unlock()
	old := s.find(name)
	if old == nil {
		return spec.UnitStatus{Name: name, State: spec.UnitStopped}, nil
	}
	old.stop()
	s.mu.Lock()
	s.units = slices.DeleteFunc(s.units, func(u *unit) bool { return u == old })
	specs := s.specs()
	s.mu.Unlock()
	s.config.Changed()
	if err := save(s.config.Dir, specs); err != nil {
		return old.status(), err
	}
	if err := os.RemoveAll(old.stateDir()); err != nil {
		return old.status(), fmt.Errorf("supervise: remove the state of unit %s: %w", name, err)
	}
	return old.status(), nil
}

// Stop ends all units, the one that was put last first. They are still known, and started by the next agent.
func (s *Supervisor) Stop() {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	s.stopped = true
	units := slices.Clone(s.units)
	s.mu.Unlock()
	for _, u := range slices.Backward(units) {
		u.stop()
	}
}

// Status returns what was last seen of each unit, in the order in which they were put.
func (s *Supervisor) Status() []spec.UnitStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []spec.UnitStatus
	for _, u := range s.units {
		all = append(all, u.status())
	}
	return all
}

// Specs returns what is wanted, in the order in which it was put.
func (s *Supervisor) Specs() []spec.UnitSpec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.specs()
}

func (s *Supervisor) find(name string) *unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.units {
		if u.spec.Name == name {
			return u
		}
	}
	return nil
}

// specs returns what is wanted; s.mu is held.
func (s *Supervisor) specs() []spec.UnitSpec {
	specs := []spec.UnitSpec{}
	for _, u := range s.units {
		specs = append(specs, u.spec)
	}
	return specs
}

// validName is also safe as the name of a folder. Names are addresses of the configuration: `pac.boot.step.unit.dhcp["seed"]`.
var validName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.\[\]"-]{0,199}$`)

func validate(u spec.UnitSpec) error {
	if !validName.MatchString(u.Name) {
		return fmt.Errorf("supervise: %q is no name for a unit: want letters, digits and _ . - [ ] \", 200 at most", u.Name)
	}
	if u.Type == "" {
		return fmt.Errorf("supervise: unit %s has no type", u.Name)
	}
	return nil
}

// stateDir returns the unit's own folder.
func (u *unit) stateDir() string { return filepath.Join(u.config.Dir, "state", u.spec.Name) }
