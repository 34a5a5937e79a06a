package state

import (
	"errors"
	"fmt"
	"path"
	"slices"
)

// Repair is what could be saved of damaged files.
type Repair struct {
	State *State   // nil: nothing was wrong
	From  string   // the snapshot that it begins with
	Lost  []string // what is not in it, in words; empty: nothing is lost
	Aside []string // the files that are put aside
}

// Salvage finds what can be saved of a disk, and changes nothing. Every record of the journal that is whole counts, also those behind a
// damaged one: each says how an instance is, not how it has changed.
func Salvage(d Disk) (Repair, error) {
	_, err := load(d)
	var damage *DamageError
	if !errors.As(err, &damage) {
		return Repair{}, explain(err, "read", d.Place())
	}
	var r Repair
	if err := r.begin(d); err != nil {
		return Repair{}, explain(err, "repair", d.Place())
	}
	journal, err := d.Read(journalFile)
	if err != nil {
		return Repair{}, explain(err, "repair", d.Place())
	}
	if !r.replay(journalFile, journal) {
		r.Aside = append(r.Aside, journalFile)
	}
	return r, nil
}

// begin finds the newest snapshot that can be read: the one that is in use, or a backup with its journal.
func (r *Repair) begin(d Disk) error {
	key, err := d.Read(keyFile)
	if err != nil {
		return err
	}
	names, err := d.Names()
	if err != nil {
		return err
	}
	candidates := []string{snapshotFile}
	for n := newest(numbers(names, "backup")); n > 0 && len(candidates) <= keptBackups; n-- {
		candidates = append(candidates, backupSnapshot(n))
	}
	for _, name := range candidates {
		data, err := d.Read(name)
		if err != nil {
			return err
		}
		if r.State, err = Decode(data, key); data == nil || err != nil {
			if name == snapshotFile && data != nil {
				r.Aside = append(r.Aside, name)
			}
			continue
		}
		r.From = name
		if name == snapshotFile {
			return nil
		}
		journal := name[:len(name)-len(path.Ext(name))] + ".journal"
		if data, err = d.Read(journal); err == nil {
			r.replay(journal, data)
		}
		return err
	}
	return fmt.Errorf("neither %s nor a backup can be read: put one from elsewhere there, or move the files away and import what there is", snapshotFile)
}

// replay takes over what is good in a journal, and returns whether it was whole.
func (r *Repair) replay(name string, journal []byte) (whole bool) {
	lines := readLines(journal)
	if len(lines) == 0 {
		return len(journal) == 0
	}
	if head := lines[0]; head.err == nil && head.record.Lineage != r.State.Lineage {
		if len(lines) > 1 {
			r.Lost = append(r.Lost, fmt.Sprintf("%s: it belongs to another state, none of its %d changes is taken", name, len(lines)-1))
		}
		return len(lines) == 1
	}
	whole = lines[0].err == nil
	if base := lines[0].record.Base; whole && base > r.State.Serial {
		r.Lost = append(r.Lost, fmt.Sprintf("%s: %s", name, missing(r.State.Serial+1, base)))
		r.State.Serial, whole = base, false
	}
	for i, l := range lines[1:] {
		var content contentError
		switch {
		case errors.As(l.err, &content):
			r.Lost = append(r.Lost, fmt.Sprintf("%s: line %d: %v", name, l.number, l.err))
			whole = false
		case l.err != nil && !slices.ContainsFunc(lines[i+2:], line.counts):
			return whole // what an interrupted write left
		case l.err != nil:
			whole = false
		default:
			whole = r.take(name, l.record) && whole
		}
	}
	return whole
}

// take carries a record out, and returns whether the one before it was there too.
func (r *Repair) take(name string, rec record) bool {
	next := r.State.Serial + 1
	if rec.Serial < next {
		return true
	}
	if rec.Serial > next {
		r.Lost = append(r.Lost, fmt.Sprintf("%s: %s", name, missing(next, rec.Serial-1)))
	}
	r.State.Apply(rec.change())
	r.State.Serial = rec.Serial
	return rec.Serial == next
}

func missing(first, last uint64) string {
	if first == last {
		return fmt.Sprintf("change %d is lost", first)
	}
	return fmt.Sprintf("changes %d to %d are lost", first, last)
}

// Do carries the repair out on the disk that it was found on, which the caller has the right to change. A crash in the middle leaves
// something that can be repaired again.
func (r Repair) Do(d Disk) error {
	if r.State == nil {
		return nil
	}
	if err := r.do(d); err != nil {
		return explain(err, "repair", d.Place())
	}
	return nil
}

func (r Repair) do(d Disk) error {
	names, err := d.Names()
	if err != nil {
		return err
	}
	n := newest(numbers(names, "damaged")) + 1
	for _, name := range r.Aside {
		data, err := d.Read(name)
		if err != nil {
			return err
		}
		if err := d.Replace(asideName(name, n), data); err != nil {
			return err
		}
	}
	r.State.Serial++ // a plan that was made with what is lost is stale
	s := &Store{disk: d, state: r.State}
	data, err := Encode(r.State)
	if err != nil {
		return err
	}
	if err := d.Replace(snapshotFile, data); err != nil {
		return err
	}
	return s.begin(r.State)
}

// asideName is the name of a damaged file after it was put aside.
func asideName(name string, n int) string {
	kinds := map[string]string{snapshotFile: "json", journalFile: "journal"}
	return fmt.Sprintf("damaged-%d.%s", n, kinds[name])
}
