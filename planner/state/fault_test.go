package state

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// memory is a Disk in memory.
type memory map[string][]byte

func (m memory) Place() string { return "test" }

func (m memory) Names() ([]string, error) { return slices.Collect(maps.Keys(m)), nil }

func (m memory) Read(name string) ([]byte, error) { return bytes.Clone(m[name]), nil }

func (m memory) Replace(name string, data []byte) error {
	m[name] = append([]byte{}, data...)
	return nil
}

func (m memory) Extend(name string, at int64, data []byte) error {
	if int64(len(m[name])) != at {
		return errors.New("other length")
	}
	m[name] = append(bytes.Clone(m[name]), data...)
	return nil
}

func (m memory) Remove(name string) error {
	delete(m, name)
	return nil
}

func (m memory) Close() error { return nil }

// mortal is a folder whose machine dies at the write number dies, counted from 0: a replacement has then happened or not, an
// extension has got as many bytes as torn says.
type mortal struct {
	memory
	dies  int
	after bool // the dying replacement happened
	torn  int
	bytes int // of the extension that died
}

var errDead = errors.New("the machine died")

func (m *mortal) Replace(name string, data []byte) error {
	m.dies--
	if m.dies == -1 && m.after || m.dies >= 0 {
		m.memory.Replace(name, data)
	}
	return m.end()
}

func (m *mortal) Extend(name string, at int64, data []byte) error {
	m.dies--
	if m.dies >= 0 {
		m.memory.Extend(name, at, data)
	} else if m.dies == -1 {
		m.bytes = len(data)
		m.memory.Extend(name, at, data[:min(m.torn, len(data))])
	}
	return m.end()
}

func (m *mortal) end() error {
	if m.dies < 0 {
		return errDead
	}
	return nil
}

// run opens the store, makes some changes one by one and closes it; it returns the state after the last change that was
// acknowledged, and after the one that was under way.
func run(t *testing.T, d Disk, r *rand.Rand) (sure, maybe string) {
	s, err := open(d)
	if err != nil {
		return "", ""
	}
	sure = text(t, s.State())
	for range 3 {
		c := randomChange(r)
		next := s.State()
		next.Apply(c)
		maybe = text(t, next)
		if s.Append(c) != nil {
			return sure, maybe
		}
		sure = maybe
	}
	s.Close() // may die: nothing is lost by that
	return sure, sure
}

// TestDeathAtEveryWrite: after a death at any write, after some bytes of it, the state is that after the last acknowledged change, or after
// the one under way; never anything else.
func TestDeathAtEveryWrite(t *testing.T) {
	before := memory{}
	run(t, before, rand.New(rand.NewPCG(1, 1)))
	deaths := 0
	for dies := 0; ; dies++ {
		for torn, size := 0, 0; torn <= size; torn += 5 {
			m := &mortal{memory: maps.Clone(before), dies: dies, torn: torn, after: torn%2 == 0}
			start, err := ReadDisk(m.memory)
			if err != nil {
				t.Fatal(err)
			}
			sure, maybe := run(t, m, rand.New(rand.NewPCG(2, 2)))
			if m.dies >= 0 { // it lived through all writes
				if deaths < 100 {
					t.Errorf("only %d deaths tried", deaths)
				}
				return
			}
			deaths++
			size = max(m.bytes, 1)
			s, err := ReadDisk(m.memory)
			if err != nil {
				t.Fatalf("write %d, byte %d: %v", dies, torn, err)
			}
			if got := text(t, s); got != sure && got != maybe && (sure != "" || got != text(t, start)) {
				t.Fatalf("write %d, byte %d: the state is\n%s\nwant\n%s\nor\n%s", dies, torn, got, sure, maybe)
			}
			again, err := open(m.memory)
			if err != nil {
				t.Fatalf("write %d, byte %d: open again: %v", dies, torn, err)
			}
			if err := again.Append(Change{Put: sample(9)}); err != nil {
				t.Fatal(err)
			}
			if got, err := ReadDisk(m.memory); err != nil || got.Serial != s.Serial+1 {
				t.Fatalf("write %d, byte %d: after recovery: %v", dies, torn, err)
			}
		}
	}
}

func TestDamageIsToldApartFromATornEnd(t *testing.T) {
	m := memory{}
	s, err := open(m)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := s.Append(Change{Put: sample(n)}); err != nil {
			t.Fatal(err)
		}
	}
	lines := bytes.SplitAfter(m[journalFile], []byte("\n"))
	whole := bytes.Clone(m[journalFile])
	for i := range len(whole) - len(lines[3]) - 1 { // without the newline before the last record, that looks torn
		m[journalFile] = bytes.Clone(whole)
		m[journalFile][i] ^= 0x10
		_, err := ReadDisk(m)
		if err == nil || !strings.Contains(err.Error(), "journal") {
			t.Fatalf("byte %d of %q changed: %v", i, whole, err)
		}
	}
	m[journalFile] = append(bytes.Clone(whole), make([]byte, 100)...) // a file system's zeros
	if got, err := ReadDisk(m); err != nil || got.Serial != 3 {
		t.Errorf("zeros at the end: %v", err)
	}
}

func TestFilesThatDoNotBelongTogether(t *testing.T) {
	m, other := memory{}, memory{}
	for _, d := range []memory{m, other} {
		s, err := open(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(Change{Put: sample(0)}); err != nil {
			t.Fatal(err)
		}
	}
	mixed := maps.Clone(m)
	mixed[journalFile] = other[journalFile]
	if _, err := ReadDisk(mixed); err == nil || !strings.Contains(err.Error(), "lineage") {
		t.Errorf("a foreign journal: %v", err)
	}
	mixed = maps.Clone(m)
	delete(mixed, snapshotFile)
	if _, err := ReadDisk(mixed); err == nil || !strings.Contains(err.Error(), "state repair") {
		t.Errorf("no snapshot: %v", err)
	}
	mixed = maps.Clone(m)
	mixed[snapshotFile] = []byte(`{"format":99,"lineage":"x"}`)
	if _, err := ReadDisk(mixed); err == nil || !strings.Contains(err.Error(), "newer viver") {
		t.Errorf("a newer snapshot: %v", err)
	}
	run(t, m, rand.New(rand.NewPCG(1, 1)))
	m[snapshotFile] = m[backupSnapshot(1)]
	if _, err := ReadDisk(m); !errors.Is(err, errStale) {
		t.Errorf("an older snapshot: %v", err)
	}
}

// TestFullDisk: a write that fails changes nothing, on the disk or in memory.
func TestFullDisk(t *testing.T) {
	m := &mortal{memory: memory{}, dies: 1 << 30}
	s, err := open(m)
	if err != nil {
		t.Fatal(err)
	}
	m.dies = 0
	if err := s.Append(Change{Put: sample(0)}); !errors.Is(err, errDead) {
		t.Errorf("got %v", err)
	}
	if got := s.State(); got.Serial != 0 {
		t.Errorf("serial %d", got.Serial)
	}
}
