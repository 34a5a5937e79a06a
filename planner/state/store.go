package state

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Store is the state of a folder, opened to be changed. Only one process at a time has it. It is safe for concurrent use.
type Store struct {
	dir  string
	disk disk
	lock *lock

	mu      sync.Mutex
	state   *State // guarded by mu
	journal int    // records since the snapshot; guarded by mu
	broken  error  // why nothing more can be written; guarded by mu
}

// Read returns the state of a folder without locking it: an apply that runs beside it is seen up to its last finished step. A folder
// that is not there is an empty state with an empty lineage.
func Read(dir string) (*State, error) { return read(dir, folder(dir)) }

// readTries is how often Read starts again when a writer replaced the files under it.
const readTries = 5

func read(dir string, d disk) (s *State, err error) {
	for range readTries {
		if s, _, err = load(d); !errors.Is(err, errStale) {
			break
		}
	}
	if err != nil {
		return nil, explain(err, "read", dir)
	}
	return s, nil
}

// load reads the snapshot and replays the journal, and returns the number of records in it, header included.
func load(d disk) (*State, int, error) {
	snap, err := d.read(snapshotFile)
	if err != nil {
		return nil, 0, err
	}
	data, err := d.read(journalFile)
	if err != nil {
		return nil, 0, err
	}
	key, err := d.read(keyFile)
	if err != nil {
		return nil, 0, err
	}
	if snap == nil {
		if len(data) > 0 {
			return nil, 0, fmt.Errorf("%s is missing but there is a %s: put it back from %s", snapshotFile, journalFile, backupFile)
		}
		return newState(key), 0, nil
	}
	s, err := decodeSnapshot(snap, key)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w: the one before it is %s", snapshotFile, err, backupFile)
	}
	records, err := readJournal(data)
	if err == nil {
		err = replay(s, records)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w: if %s is right without it, move the journal away", journalFile, err, snapshotFile)
	}
	return s, len(records), nil
}

// Open locks the folder, makes it if need be, and reads the state. Command says who holds the lock: "viver apply". A folder that
// another process has open is a *LockedError.
func Open(dir, command string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explain(err, "make", dir)
	}
	lock, err := acquire(dir, command)
	if err != nil {
		return nil, err
	}
	s, err := open(dir, folder(dir))
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	s.lock = lock
	return s, nil
}

func open(dir string, d disk) (*Store, error) {
	state, records, err := load(d)
	if err != nil {
		return nil, explain(err, "open", dir)
	}
	s := &Store{dir: dir, disk: d, state: state, journal: records}
	if err := s.prepare(); err != nil {
		return nil, explain(err, "open", dir)
	}
	return s, nil
}

// prepare leaves the folder with a key, a snapshot and a journal that has nothing but its header.
func (s *Store) prepare() error {
	if len(s.state.key) != keyLen {
		s.state.key = newKey()
		if err := s.disk.replace(keyFile, s.state.key); err != nil {
			return err
		}
	}
	fresh := s.state.Lineage == ""
	if fresh {
		s.state.Lineage = rand.Text()
	}
	return s.fold(fresh)
}

// fold writes the snapshot, keeps the one before it, and begins a new journal. With nothing new to fold it only makes sure that
// the journal is whole.
func (s *Store) fold(fresh bool) error {
	if fresh || s.journal > 1 {
		if err := s.writeSnapshot(); err != nil {
			return err
		}
	}
	header, err := appendRecord(nil, record{Lineage: s.state.Lineage, Base: s.state.Serial})
	if err != nil {
		return err
	}
	if err := s.disk.replace(journalFile, header); err != nil {
		return err
	}
	s.journal = 1
	return nil
}

func (s *Store) writeSnapshot() error {
	data, err := encodeSnapshot(s.state)
	if err != nil {
		return err
	}
	before, err := s.disk.read(snapshotFile)
	if err != nil {
		return err
	}
	if before != nil {
		if err := s.disk.replace(backupFile, before); err != nil {
			return err
		}
	}
	return s.disk.replace(snapshotFile, data)
}

// State returns the state as it is now.
func (s *Store) State() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clone()
}

// Instance returns what is remembered of an address now, or nil.
func (s *Store) Instance(addr string) *Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Instances[addr]
}

// Append makes changes, and returns when they are on the disk. With an error none of them is made.
func (s *Store) Append(changes ...Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	var lines []byte
	var err error
	for i, c := range changes {
		r := record{Serial: s.state.Serial + uint64(i) + 1, Put: c.Put, Forget: c.Forget, Outputs: c.Outputs}
		if lines, err = appendRecord(lines, r); err != nil {
			return explain(err, "write the journal of", s.dir)
		}
	}
	if err := s.disk.extend(journalFile, lines); err != nil {
		s.broken = explain(err, "write the journal of", s.dir)
		return s.broken
	}
	for _, c := range changes {
		s.state.apply(c)
	}
	s.journal += len(changes)
	return nil
}

// Close folds the journal into the snapshot and gives the lock back. When folding fails the journal stays, and nothing is lost.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.journal > 1 && s.broken == nil {
		err = s.fold(false)
	}
	s.broken = errors.New("state: closed")
	err = explain(err, "fold the journal of", s.dir)
	if s.lock != nil {
		err = errors.Join(err, s.lock.release())
	}
	return err
}
