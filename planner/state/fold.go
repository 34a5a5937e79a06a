package state

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// fold brings the snapshot up to the state and begins a new journal. With nothing new to fold it only makes sure that the journal is
// whole.
func (s *Store) fold() error {
	if s.records > 1 {
		return s.save(s.state)
	}
	return s.begin(s.state)
}

// save keeps the snapshot and the journal that there are, writes a snapshot of next, and begins a new journal on it.
func (s *Store) save(next *State) error {
	data, err := Encode(next)
	if err != nil {
		return err
	}
	if err := s.backup(); err != nil {
		return err
	}
	if err := s.disk.Replace(snapshotFile, data); err != nil {
		return err
	}
	return s.begin(next)
}

func (s *Store) begin(on *State) error {
	first, err := header(on)
	if err != nil {
		return err
	}
	if err := s.disk.Replace(journalFile, first); err != nil {
		return err
	}
	s.records, s.length = 1, int64(len(first))
	return nil
}

// backup keeps the snapshot and what was journalled after it under the next number, and removes the oldest. After a crash they may have been
// kept already.
func (s *Store) backup() error {
	snap, err := s.disk.Read(snapshotFile)
	if err != nil || snap == nil {
		return err
	}
	journal, err := s.disk.Read(journalFile)
	if err != nil {
		return err
	}
	names, err := s.disk.Names()
	if err != nil {
		return err
	}
	all := numbers(names, "backup")
	last := newest(all)
	if kept, err := s.keptAs(last, snap, journal); err != nil || kept {
		return err
	}
	if err := s.disk.Replace(backupJournal(last+1), journal); err != nil {
		return err
	}
	if err := s.disk.Replace(backupSnapshot(last+1), snap); err != nil {
		return err
	}
	byAge := func(a, b string) int { return cmp.Compare(all[a], all[b]) }
	for _, name := range slices.SortedFunc(maps.Keys(all), byAge) {
		if all[name] > last+1-keptBackups {
			break
		}
		if err := s.disk.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// keptAs says whether backup n is just this.
func (s *Store) keptAs(n int, snap, journal []byte) (bool, error) {
	if n == 0 {
		return false, nil
	}
	before, err := s.disk.Read(backupSnapshot(n))
	if err != nil || !bytes.Equal(before, snap) {
		return false, err
	}
	before, err = s.disk.Read(backupJournal(n))
	return err == nil && bytes.Equal(before, journal), err
}
