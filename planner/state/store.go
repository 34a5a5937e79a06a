package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"viver/planner/state/batch"
)

// Store is a state on a Disk, opened to be changed. Only one process at a time has it. It is safe for concurrent use.
type Store struct {
	disk Disk

	queue   *batch.Queue[[]Change] // whoever is served or alone may change what follows
	records int                    // in the journal, with its header
	length  int64                  // of the journal in bytes
	broken  error                  // why nothing more can be written

	mu    sync.Mutex
	state *State // guarded by mu
}

// Open is Dir(path).Open.
func Open(path, command string) (*Store, error) {
	d, err := dir(path).Lock(context.Background(), command)
	if err != nil {
		return nil, err
	}
	return OpenDisk(d)
}

// OpenDisk opens the state on a disk that the caller has the right to change. The store closes the disk, also with an error.
func OpenDisk(d Disk) (*Store, error) {
	s, err := open(d)
	if err != nil {
		return nil, errors.Join(explain(err, "open", d.Place()), d.Close())
	}
	return s, nil
}

func open(d Disk) (*Store, error) {
	l, err := load(d)
	if err != nil {
		return nil, err
	}
	s := &Store{disk: d, queue: batch.New[[]Change](), state: l.state, records: l.records}
	return s, s.prepare()
}

// prepare leaves the disk with a key, a snapshot and a journal that has nothing but its header.
func (s *Store) prepare() error {
	if len(s.state.key) != keyLen {
		s.state.key = NewKey()
		if err := s.disk.Replace(keyFile, s.state.key); err != nil {
			return err
		}
	}
	if s.state.Lineage == "" {
		s.state.Lineage = rand.Text()
		return s.save(s.state)
	}
	return s.fold()
}

// State returns the state as it is now.
func (s *Store) State() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Clone()
}

// Instance returns what is remembered of an address now, or nil.
func (s *Store) Instance(addr string) *Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Instances[addr]
}

// Append makes changes, and returns when they are on the disk. With an error none of them is made. Those that wait at the same
// time are written together.
func (s *Store) Append(changes ...Change) error { return s.queue.Do(changes, s.write) }

// write writes several Appends, and returns the error of each.
func (s *Store) write(all [][]Change) []error {
	errs := make([]error, len(all))
	var lines []byte
	var good []Change
	for n, changes := range all {
		if errs[n] = s.broken; s.broken != nil {
			continue
		}
		more, err := encodeChanges(lines, changes, s.state.Serial+uint64(len(good)))
		if errs[n] = explain(err, "write the journal of", s.disk.Place()); err == nil {
			lines, good = more, append(good, changes...)
		}
	}
	if len(good) == 0 {
		return errs
	}
	if err := s.disk.Extend(journalFile, s.length, lines); err != nil {
		s.broken = explain(err, "write the journal of", s.disk.Place())
		for n := range errs {
			errs[n] = cmp.Or(errs[n], s.broken)
		}
		return errs
	}
	s.length, s.records = s.length+int64(len(lines)), s.records+len(good)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range good {
		s.state.Apply(c)
	}
	return errs
}

// encodeChanges adds the lines of changes that follow on a serial; with an error lines is as it was.
func encodeChanges(lines []byte, changes []Change, serial uint64) (_ []byte, err error) {
	for _, c := range changes {
		serial++
		if lines, err = appendRecord(lines, record{Serial: serial, Put: c.Put, Forget: c.Forget, Outputs: c.Outputs}); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Replace puts another state, whole, in place of the one there is, which becomes a backup. The serial gets higher than both had; the
// key stays. With an error the disk has the one or the other, and the store takes nothing more.
func (s *Store) Replace(next *State) error {
	return s.queue.Alone(func() error { return s.replace(next) })
}

func (s *Store) replace(next *State) error {
	if s.broken != nil {
		return s.broken
	}
	err := s.fold()
	if err == nil {
		next = next.WithKey(s.state.key)
		next.Serial = max(next.Serial, s.state.Serial) + 1
		err = s.save(next)
	}
	if err == nil { // no journal tells how the one became the other
		err = s.backup()
	}
	if err != nil {
		s.broken = explain(err, "replace", s.disk.Place())
		return s.broken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = next
	return nil
}

// Keep keeps something beside the state, under a name.
func (s *Store) Keep(name string, data []byte) error {
	return s.queue.Alone(func() error {
		if s.broken != nil {
			return s.broken
		}
		return explain(s.disk.Replace(keptFile+name, data), "keep the "+name+" in", s.disk.Place())
	})
}

// Close folds the journal into the snapshot and gives the lock back. When folding fails the journal stays, and nothing is lost.
func (s *Store) Close() error { return s.queue.Alone(s.close) }

func (s *Store) close() error {
	var err error
	if s.records > 1 && s.broken == nil {
		err = s.fold()
	}
	s.broken = errors.New("state: closed")
	return errors.Join(explain(err, "fold the journal of", s.disk.Place()), s.disk.Close())
}
