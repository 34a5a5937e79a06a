package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backend is a place where a state is kept. It is safe for concurrent use.
type Backend interface {
	// Place names it in messages.
	Place() string
	// Read returns the state without the right to change it: an apply that runs beside it is seen up to its last finished step. Where
	// nothing is yet, the state is empty and has no lineage.
	Read(ctx context.Context) (*State, error)
	// Open takes the right to change the state, which nobody else has until the Writer is closed. Command says what for: "viver apply".
	// When somebody has it the error is a *LockedError.
	Open(ctx context.Context, command string) (Writer, error)
	// Kept returns what a Writer has kept under a name; nil: nothing.
	Kept(ctx context.Context, name string) ([]byte, error)
	// Holder returns who has the right to change it now; nil: nobody.
	Holder(ctx context.Context) (*Holder, error)
	// Unlock takes that right away from the holder that was seen, whose next change then fails. Where that right cannot be taken away
	// the error says what to do instead.
	Unlock(ctx context.Context, seen Holder) error
}

// Writer is an open state. It is safe for concurrent use.
type Writer interface {
	// State returns the state as it is now.
	State() *State
	// Instance returns what is remembered of an address now, or nil.
	Instance(address string) *Instance
	// Append makes changes, and returns when they last. With an error none of them is made, unless the connection broke. It has no context: what
	// was done is written down also after Ctrl-C.
	Append(changes ...Change) error
	// Replace puts another state, whole, in place of the one there is. Its serial becomes higher than both had.
	Replace(next *State) error
	// Keep keeps something small that belongs to the state and is no part of it, such as the cluster's authority: whoever has the state can
	// have it too. The name is a word of lower-case letters.
	Keep(name string, data []byte) error
	// Close gives the right to change the state back. What was appended lasts, whatever Close returns.
	Close() error
}

// Disks is where to find the disk of a state; NewBackend makes a Backend of it.
type Disks interface {
	Place() string
	// Look returns the disk to be read.
	Look(ctx context.Context) (Disk, error)
	// Lock takes the right to write, and returns the disk; a *LockedError if somebody has it.
	Lock(ctx context.Context, command string) (Disk, error)
	Holder(ctx context.Context) (*Holder, error)
	Unlock(ctx context.Context, seen Holder) error
}

// DiskBackend is a Backend of files.
type DiskBackend struct{ Disks }

// NewBackend keeps a state on disks.
func NewBackend(d Disks) *DiskBackend { return &DiskBackend{d} }

// Dir keeps a state in a folder of this machine.
func Dir(path string) *DiskBackend { return NewBackend(dir(path)) }

// Read implements Backend.
func (b *DiskBackend) Read(ctx context.Context) (*State, error) {
	d, err := b.Look(ctx)
	if err != nil {
		return nil, err
	}
	s, err := ReadDisk(d)
	return s, errors.Join(err, d.Close())
}

// Open implements Backend.
func (b *DiskBackend) Open(ctx context.Context, command string) (Writer, error) {
	d, err := b.Lock(ctx, command)
	if err != nil {
		return nil, err
	}
	s, err := OpenDisk(d)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Kept implements Backend.
func (b *DiskBackend) Kept(ctx context.Context, name string) ([]byte, error) {
	d, err := b.Look(ctx)
	if err != nil {
		return nil, err
	}
	data, err := d.Read(keptFile + name)
	return data, errors.Join(explain(err, "read", d.Place()), d.Close())
}

// Repair finds what can be saved of damaged files and, unless dry, saves it. A Repair without a State: nothing is wrong.
func (b *DiskBackend) Repair(ctx context.Context, command string, dry bool) (r Repair, err error) {
	open := b.Look
	if !dry {
		open = func(ctx context.Context) (Disk, error) { return b.Lock(ctx, command) }
	}
	d, err := open(ctx)
	if err != nil {
		return Repair{}, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if r, err = Salvage(d); err != nil || dry {
		return r, err
	}
	return r, r.Do(d)
}

// dir is the Disks of a local folder.
type dir string

func (d dir) Place() string { return string(d) }

func (d dir) Look(context.Context) (Disk, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	return newFolder(string(d)), nil
}

// check refuses what cannot be a folder. A link that leads nowhere would look like a state of which nothing is there yet.
func (d dir) check() error {
	link, err := os.Readlink(string(d))
	_, missing := os.Stat(string(d))
	if err == nil && errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("state: %s is a link to %s, and that is not there: mount the disk that it is on, or make the folder; remove the link only to begin with nothing remembered", d, link)
	}
	if info, err := os.Stat(string(d)); err == nil && !info.IsDir() {
		return fmt.Errorf("state: %s is no folder: move it away, or put back the folder that was there", d)
	}
	return nil
}

func (d dir) Lock(_ context.Context, command string) (Disk, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, explain(err, "make", string(d))
	}
	lock, err := acquire(string(d), command)
	if err != nil {
		return nil, err
	}
	f := newFolder(string(d))
	f.lock = lock
	return f, nil
}

func (d dir) Holder(context.Context) (*Holder, error) { return held(string(d)) }

func (d dir) Unlock(_ context.Context, seen Holder) error {
	if seen.PID == 0 {
		return fmt.Errorf("state: the lock of %s goes with the process that has it, and which that is is not known: `fuser %s/%s` says it", d, d, lockFile)
	}
	on := ""
	if !seen.here() {
		on = " on " + seen.Host
	}
	return fmt.Errorf("state: the lock of %s goes with the process that has it, and cannot be stale: wait for process %d, or end it with `kill -INT %d`%s; `kill -KILL` too loses nothing that was done",
		d, seen.PID, seen.PID, on)
}
