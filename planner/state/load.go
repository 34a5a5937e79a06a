package state

import (
	"context"
	"errors"
	"fmt"
)

// Read returns the state of a folder without locking it: an apply that runs beside it is seen up to its last finished step. A folder
// that is not there is an empty state with an empty lineage.
func Read(path string) (*State, error) { return Dir(path).Read(context.Background()) }

// readTries is how often ReadDisk starts again when a writer replaced the files under it.
const readTries = 5

// ReadDisk is Read for another disk.
func ReadDisk(d Disk) (s *State, err error) {
	for range readTries {
		var l loaded
		if l, err = load(d); !errors.Is(err, errStale) {
			s = l.state
			break
		}
	}
	if err != nil {
		return nil, explain(err, "read", d.Place())
	}
	return s, nil
}

// loaded is what a disk holds.
type loaded struct {
	state   *State
	records int // in the journal, its header included
}

// DamageError says that files of a state cannot be used as they are. Nothing was changed.
type DamageError struct {
	File  string
	Err   error
	After uint64 // the serial up to which the state can be read without doubt; 0: none
}

func (e *DamageError) Error() string {
	sure := ""
	if e.After > 0 {
		sure = fmt.Sprintf(" (all is well up to change %d)", e.After)
	}
	return fmt.Sprintf("%s: %v%s: look at what `viver state repair --dry-run` would save, then run it without --dry-run; it keeps the files that it puts aside", e.File, e.Err, sure)
}

func (e *DamageError) Unwrap() error { return e.Err }

// load reads the snapshot and replays the journal.
func load(d Disk) (loaded, error) {
	snap, err := d.Read(snapshotFile)
	if err != nil {
		return loaded{}, err
	}
	data, err := d.Read(journalFile)
	if err != nil {
		return loaded{}, err
	}
	key, err := d.Read(keyFile)
	if err != nil {
		return loaded{}, err
	}
	if snap == nil {
		if len(data) > 0 {
			return loaded{}, &DamageError{File: snapshotFile, Err: fmt.Errorf("it is missing, but there is a %s", journalFile)}
		}
		return loaded{state: New("", key)}, nil
	}
	return decode(snap, data, key)
}

func decode(snap, journal, key []byte) (loaded, error) {
	var newer *newerError
	s, err := Decode(snap, key)
	if errors.As(err, &newer) {
		return loaded{}, fmt.Errorf("%s: %w", snapshotFile, err)
	}
	if err != nil {
		return loaded{}, &DamageError{File: snapshotFile, Err: err}
	}
	folded := s.Serial
	records, err := readJournal(journal)
	if err == nil {
		err = replay(s, records)
	}
	if errors.As(err, &newer) {
		return loaded{}, fmt.Errorf("%s: %w", journalFile, err)
	}
	if err != nil {
		return loaded{}, &DamageError{File: journalFile, Err: err, After: folded}
	}
	return loaded{state: s, records: len(records)}, nil
}
