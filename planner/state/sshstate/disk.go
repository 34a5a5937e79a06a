package sshstate

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"viver/planner/state"
)

// disk is the folder, as long as there is a session or another one can take its place.
type disk struct {
	place  string
	folder *Folder // nil: it is only read, in one session
	holder state.Holder
	life   context.Context    // of a writer, until Close
	end    context.CancelFunc // of life; nil: it is only read
	all    sync.WaitGroup

	turn    chan struct{} // has a token while somebody works with what follows
	session *session
	fence   int   // what it said when the session began
	lost    error // why there is no session any more, and will be none
}

func newDisk(s *session) *disk {
	return &disk{place: s.place, session: s, turn: make(chan struct{}, 1)}
}

// alive gives a sign of life again and again.
func (d *disk) alive(every time.Duration) {
	d.all.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-d.life.Done():
				return
			case <-tick.C:
				_, _, _ = d.ask("ping", nil) // the next write says that it failed
			}
		}
	})
}

func (d *disk) Place() string { return d.place }

func (d *disk) Names() ([]string, error) {
	_, data, err := d.ask("list", nil)
	return strings.Fields(string(data)), d.problem("list the files", err)
}

func (d *disk) Read(name string) ([]byte, error) {
	answer, data, err := d.ask("read "+name, nil)
	if err == nil && answer != "data" && answer != "none" {
		err = fmt.Errorf("the answer is %.40q", answer)
	}
	return data, d.problem("read "+name, err)
}

func (d *disk) Replace(name string, data []byte) error {
	return d.do("write "+name, fmt.Sprintf("replace %s %d", name, len(data)), data)
}

func (d *disk) Extend(name string, at int64, data []byte) error {
	return d.finish("write "+name, &extension{name, at, data})
}

func (d *disk) Remove(name string) error { return d.do("remove "+name, "remove "+name, nil) }

// do asks for what is answered by ok, and can be asked for twice.
func (d *disk) do(what, request string, payload []byte) error {
	return d.finish(what, &plain{request, payload})
}

// finish has work done that is answered by ok.
func (d *disk) finish(what string, w work) error {
	answer, _, err := d.carryOut(w)
	if err == nil && answer != "ok" {
		err = fmt.Errorf("the answer is %.40q", answer)
	}
	return d.problem(what, err)
}

func (d *disk) problem(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (d *disk) Close() error {
	if d.end != nil {
		d.end()
		d.all.Wait()
	}
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	return d.session.end()
}

// nothing is a folder that is not there.
type nothing struct{ place string }

func (n nothing) Place() string                      { return n.place }
func (n nothing) Names() ([]string, error)           { return nil, nil }
func (n nothing) Read(string) ([]byte, error)        { return nil, nil }
func (n nothing) Replace(string, []byte) error       { return n.refuse() }
func (n nothing) Extend(string, int64, []byte) error { return n.refuse() }
func (n nothing) Remove(string) error                { return n.refuse() }
func (n nothing) Close() error                       { return nil }
func (n nothing) refuse() error                      { return fmt.Errorf("%s is only read, and not there", n.place) }
