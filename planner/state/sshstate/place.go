// Package sshstate keeps a state in a folder of another machine that has an sshd, a POSIX shell and flock. The right to change the state
// is a session: its end, however it comes, is the end of the right. It owns the script on the other side and how to speak with it; how to get
// there is the Host's.
//
// A writer whose connection breaks makes it again, and goes on where nobody has had the lock in between: the fence says that. What was
// under way is then looked at, and done again as far as it was not done.
//
// Two more things guard the state. A session from which nothing comes for a while ends, so that a laptop that went to sleep locks nobody
// out. And whoever takes the lock counts up a fence that is looked at before each write, so that one who does not know yet that he has lost
// the lock writes nothing.
package sshstate

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"viver/planner/state"
)

// Host runs commands on the machine that keeps the state.
type Host interface {
	// Run has the user's shell there run a command, until the command or ctx ends. An error is about the connection, or says that the
	// command ended with another status than 0.
	Run(ctx context.Context, command string, in io.Reader, out, errs io.Writer) error
}

// DefaultLease is how long nothing may come from a writer until the other side begins to doubt that there is one. It asks every
// third of it.
const DefaultLease = time.Minute

// Folder is a folder on a Host; it implements state.Disks.
type Folder struct {
	Host Host
	Path string // absolute, or relative to the user's home
	Name string // in messages: "ssh://seed/srv/state"
	// Lease in whole seconds; 0: DefaultLease.
	Lease time.Duration
}

//go:embed server.sh
var script string

// Place implements state.Disks.
func (f *Folder) Place() string { return f.Name }

// command is how the script is run; words of it are seen by all users of that machine, and none is secret.
func (f *Folder) command(mode string, holder state.Holder) string {
	words := []string{mode, f.Path, strconv.Itoa(int(f.lease() / time.Second)), strings.TrimSpace(string(holder.Text()))}
	command := "exec sh -c " + quoted(script) + " viver-state"
	for _, w := range words {
		command += " " + quoted(w)
	}
	return command
}

func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func (f *Folder) lease() time.Duration {
	if f.Lease < time.Second {
		return DefaultLease
	}
	return f.Lease
}

// Look implements state.Disks.
func (f *Folder) Look(ctx context.Context) (state.Disk, error) {
	s, greeting, err := f.start(ctx, "read", state.Holder{})
	if err != nil {
		return nil, err
	}
	if greeting == "empty" {
		return nothing{f.Name}, s.end()
	}
	return newDisk(s), nil
}

// Lock implements state.Disks.
func (f *Folder) Lock(ctx context.Context, command string) (state.Disk, error) {
	holder := state.Self(command)
	holder.ID = rand.Text()
	s, fence, err := f.lock(ctx, holder)
	if err != nil {
		return nil, err
	}
	d := newDisk(s)
	d.folder, d.holder, d.fence = f, holder, fence
	d.life, d.end = context.WithCancel(context.WithoutCancel(ctx))
	d.alive(f.lease() / 3)
	return d, nil
}

// lock starts a session to write, and returns what its fence says.
func (f *Folder) lock(ctx context.Context, holder state.Holder) (*session, int, error) {
	s, greeting, err := f.start(ctx, "write", holder)
	if err != nil {
		return nil, 0, err
	}
	if who, is := strings.CutPrefix(greeting, "locked"); is {
		_ = s.end()
		return nil, 0, &state.LockedError{
			Place: f.Name, Holder: state.ParseHolder([]byte(who)),
			Advice: "; if it is gone for good, `viver force-unlock` takes the lock away from it",
		}
	}
	number, ready := strings.CutPrefix(greeting, "ready ")
	fence, err := strconv.Atoi(number)
	if !ready || err != nil {
		return nil, 0, fmt.Errorf("state: lock %s: it says %q: another version of viver may be needed (%v)", f.Name, greeting, s.end())
	}
	return s, fence, nil
}

// Holder implements state.Disks.
func (f *Folder) Holder(ctx context.Context) (*state.Holder, error) {
	s, greeting, err := f.start(ctx, "holder", state.Holder{})
	if err != nil {
		return nil, err
	}
	if who, is := strings.CutPrefix(greeting, "locked"); is {
		h := state.ParseHolder([]byte(who))
		return &h, s.end()
	}
	return nil, s.end()
}

// Unlock implements state.Disks: it ends the session that has the lock, on the other side, and counts up the fence.
func (f *Folder) Unlock(ctx context.Context, seen state.Holder) error {
	return f.end(ctx, "unlock", seen)
}

// end ends a session on the other side. With the mode "drop" its holder can go on in another one.
func (f *Folder) end(ctx context.Context, mode string, seen state.Holder) error {
	s, _, err := f.start(ctx, mode, seen)
	if err != nil {
		return err
	}
	return s.end()
}
