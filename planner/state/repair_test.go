package state

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// worn is a disk with some sessions behind it, and changes in its journal.
func worn(t *testing.T) (memory, *State) {
	t.Helper()
	m := memory{}
	for session := range 3 {
		s, err := OpenDisk(m)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			if err := s.Append(Change{Put: sample(10*session + n)}); err != nil {
				t.Fatal(err)
			}
		}
		if session < 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := ReadDisk(m)
	if err != nil || s.Serial != 9 {
		t.Fatal(s.Serial, err)
	}
	return m, s
}

// content is what a state holds, without its serial.
func content(t *testing.T, s *State) string {
	c := s.Clone()
	c.Serial = 0
	return text(t, c)
}

// repaired says what a repair saves of damaged files, after it was seen that they are refused and that looking changes nothing.
func repaired(t *testing.T, m memory) (*State, Repair) {
	t.Helper()
	before := maps.Clone(m)
	_, err := ReadDisk(m)
	var damage *DamageError
	if !errors.As(err, &damage) || !strings.Contains(err.Error(), "viver state repair") {
		t.Fatalf("read: %v", err)
	}
	if _, err := OpenDisk(m); !errors.As(err, &damage) {
		t.Fatalf("open: %v", err)
	}
	r, err := Salvage(m)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, m, bytes.Equal) {
		t.Fatal("looking changed something")
	}
	if err := r.Do(m); err != nil {
		t.Fatal(err)
	}
	s, err := ReadDisk(m)
	if err != nil {
		t.Fatalf("after the repair: %v", err)
	}
	return s, r
}

func TestRepairOfALostSnapshotLosesNothing(t *testing.T) {
	for name, damage := range map[string]func(memory){
		"gone":  func(m memory) { delete(m, snapshotFile) },
		"zeros": func(m memory) { m[snapshotFile] = make([]byte, 100) },
		"short": func(m memory) { m[snapshotFile] = m[snapshotFile][:200] },
		"edited": func(m memory) {
			m[snapshotFile] = bytes.Replace(m[snapshotFile], []byte("10.0.0.1"), []byte("10.0.0.2"), 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, want := worn(t)
			damage(m)
			bad := m[snapshotFile]
			s, r := repaired(t, m)
			if diff := cmp.Diff(content(t, want), content(t, s)); diff != "" || len(r.Lost) > 0 {
				t.Errorf("lost %v\n%s", r.Lost, diff)
			}
			if s.Serial <= want.Serial {
				t.Errorf("serial %d after %d: a stale plan would do", s.Serial, want.Serial)
			}
			if bad != nil && !bytes.Equal(m["damaged-1.json"], bad) {
				t.Error("the damaged file was not kept")
			}
		})
	}
}

func TestRepairOfAJournalLosesNoGoodRecord(t *testing.T) {
	m, want := worn(t)
	lines := bytes.SplitAfter(m[journalFile], []byte("\n"))
	lines[2] = append([]byte("x"), lines[2][1:]...) // the second change of the session, of node.pc[21]
	m[journalFile] = bytes.Join(lines, nil)
	s, r := repaired(t, m)
	delete(want.Instances, "node.pc[21]")
	if diff := cmp.Diff(content(t, want), content(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"journal: change 8 is lost"}, r.Lost); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(m["damaged-1.journal"], bytes.Join(lines, nil)) {
		t.Error("the damaged file was not kept")
	}
}

func TestRepairWithAJournalOfAnotherLineage(t *testing.T) {
	m, _ := worn(t)
	other, _ := worn(t)
	want, err := Decode(m[snapshotFile], nil)
	if err != nil {
		t.Fatal(err)
	}
	m[journalFile] = other[journalFile]
	s, r := repaired(t, m)
	if diff := cmp.Diff(content(t, want), content(t, s)); diff != "" || len(r.Lost) != 1 || !strings.Contains(r.Lost[0], "another state, none of its 3 changes") {
		t.Errorf("%v\n%s", r.Lost, diff)
	}
}

func TestRepairWithAnOldSnapshot(t *testing.T) {
	m, want := worn(t)
	m[snapshotFile] = m[backupSnapshot(2)] // that of serial 0 is 1, then 3; the snapshot in use has 6
	if s, r := repaired(t, m); len(r.Lost) != 1 || r.Lost[0] != "journal: changes 4 to 6 are lost" || s.Instance("node.pc[22]") == nil || s.Instance("node.pc[10]") != nil {
		t.Errorf("%v of %d", r.Lost, want.Serial)
	}
}

// TestRepairAfterAReplacement: the new state can be had from a backup, although no journal leads to it.
func TestRepairAfterAReplacement(t *testing.T) {
	m, _ := worn(t)
	s, err := OpenDisk(m)
	if err != nil {
		t.Fatal(err)
	}
	next, _, err := s.State().Move("node.pc", "node.lab")
	if err == nil {
		err = s.Replace(next)
	}
	if err == nil {
		err = s.Append(Change{Forget: "node.lab[0]"})
	}
	if err != nil {
		t.Fatal(err)
	}
	want := s.State()
	delete(m, snapshotFile)
	got, r := repaired(t, m)
	if diff := cmp.Diff(content(t, want), content(t, got)); diff != "" || len(r.Lost) > 0 {
		t.Errorf("lost %v\n%s", r.Lost, diff)
	}
}

func TestNothingIsRepairedThatIsWhole(t *testing.T) {
	m, _ := worn(t)
	before := maps.Clone(m)
	r, err := Salvage(m)
	if err == nil {
		err = r.Do(m)
	}
	if !maps.EqualFunc(before, m, bytes.Equal) || err != nil || r.State != nil {
		t.Errorf("%+v, %v", r, err)
	}
	m[snapshotFile] = []byte(`{"format": 99, "lineage": "L"}`)
	if _, err := Salvage(m); err == nil || !strings.Contains(err.Error(), "newer viver") {
		t.Errorf("a newer viver's state: %v", err)
	}
	for name := range m {
		m[name] = nil
	}
	m[snapshotFile] = []byte("x")
	if _, err := Salvage(m); err == nil || !strings.Contains(err.Error(), "nor a backup") {
		t.Errorf("no backup: %v", err)
	}
}

// TestFilesCutAtEveryByte: wherever a file ends too early, reading gives an earlier moment of the journal or says what to do, and repairing
// saves all that is whole.
func TestFilesCutAtEveryByte(t *testing.T) {
	whole, want := worn(t)
	moments := map[string]bool{}
	for _, drop := range []int{0, 1, 2, 3} {
		s := want.Clone()
		for n := 3 - drop; n < 3; n++ {
			delete(s.Instances, fmt.Sprintf("node.pc[%d]", 20+n))
		}
		moments[content(t, s)] = true
	}
	for _, name := range []string{journalFile, snapshotFile} {
		for length := range whole[name] {
			m := maps.Clone(whole)
			m[name] = m[name][:length]
			s, err := ReadDisk(m)
			if name == snapshotFile && length < len(whole[name])-1 && err == nil {
				t.Fatalf("%s of %d bytes is taken", name, length)
			}
			if err != nil && length%16 > 0 { // repairing takes longer
				continue
			}
			if err != nil {
				s, _ = repaired(t, m)
			}
			if !moments[content(t, s)] || name == snapshotFile && len(s.Instances) != 9 {
				t.Fatalf("%s of %d bytes: what is left is\n%s", name, length, text(t, s))
			}
		}
	}
}

func TestBackupsAreBounded(t *testing.T) {
	m := memory{}
	for n := range 3 * keptBackups {
		s, err := OpenDisk(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(Change{Put: sample(n)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, _ := m.Names()
	if kept := numbers(names, "backup"); len(kept) != 2*keptBackups || newest(kept) != 3*keptBackups {
		t.Errorf("%d files of backups, the newest is %d", len(kept), newest(kept))
	}
	last, err := decode(m[backupSnapshot(3*keptBackups)], m[backupJournal(3*keptBackups)], m[keyFile])
	if err != nil {
		t.Fatal(err)
	}
	now, err := ReadDisk(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(t, now), text(t, last.state)); diff != "" {
		t.Errorf("the newest backup and its journal are not the snapshot:\n%s", diff)
	}
}
