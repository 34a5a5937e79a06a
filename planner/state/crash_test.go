package state

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
)

// machine is a system that can lose its power. It knows what has reached the disk and what has not: what was written to a file does
// after Sync of the file, what create, rename and remove did after sync of the folder. What has not may have, in part, in order.
type machine struct {
	now, lasting map[string]*inode
	pending      []map[string]*inode // how the folder looked after each change since the last sync

	calls int   // until now
	fails int   // the call that fails, from 1; 0: none
	err   error // with which it fails; errDead: all after it fail too
}

// inode is a file's content: the first lasting bytes have reached the disk.
type inode struct {
	data    []byte
	lasting int
}

func newMachine(files map[string][]byte) *machine {
	m := &machine{now: map[string]*inode{}, lasting: map[string]*inode{}}
	for name, data := range files {
		m.now[name] = &inode{bytes.Clone(data), len(data)}
	}
	m.lasting = maps.Clone(m.now)
	return m
}

// call counts, and says how this call ends.
func (m *machine) call() error {
	m.calls++
	if m.calls == m.fails || m.err == errDead && m.fails != 0 && m.calls > m.fails {
		return m.err
	}
	return nil
}

// change changes the folder.
func (m *machine) change(f func(map[string]*inode)) error {
	if err := m.call(); err != nil {
		return err
	}
	f(m.now)
	m.pending = append(m.pending, maps.Clone(m.now))
	return nil
}

func (m *machine) names() ([]string, error) { return slices.Sorted(maps.Keys(m.now)), nil }

func (m *machine) read(name string) ([]byte, error) {
	if m.now[name] == nil {
		return nil, nil
	}
	return append([]byte{}, m.now[name].data...), nil
}

func (m *machine) create(name string) (file, error) {
	i := &inode{}
	return &open1{m, i}, m.change(func(all map[string]*inode) { all[name] = i })
}

func (m *machine) extend(name string) (file, error) {
	if m.now[name] == nil {
		return nil, syscall.ENOENT
	}
	return &open1{m, m.now[name]}, m.call()
}

func (m *machine) rename(from, to string) error {
	return m.change(func(all map[string]*inode) {
		all[to] = all[from]
		delete(all, from)
	})
}

func (m *machine) remove(name string) error {
	return m.change(func(all map[string]*inode) { delete(all, name) })
}

func (m *machine) sync() error {
	if err := m.call(); err != nil {
		return err
	}
	m.lasting, m.pending = maps.Clone(m.now), nil
	return nil
}

// open1 is an open file of the machine.
type open1 struct {
	m *machine
	i *inode
}

// Write writes half when it fails.
func (f *open1) Write(data []byte) (int, error) {
	err := f.m.call()
	if err != nil {
		data = data[:len(data)/2]
	}
	f.i.data = append(f.i.data, data...)
	return len(data), err
}

func (f *open1) Sync() error {
	if err := f.m.call(); err != nil {
		return err
	}
	f.i.lasting = len(f.i.data)
	return nil
}

func (f *open1) Truncate(size int64) error {
	if err := f.m.call(); err != nil {
		return err
	}
	f.i.data = f.i.data[:size]
	f.i.lasting = min(f.i.lasting, int(size))
	return nil
}

func (f *open1) Close() error           { return nil }
func (f *open1) length() (int64, error) { return int64(len(f.i.data)), nil }

// remains are all the ways that the disk can look after the power went: with how many of the changes of the folder, and with how much
// of what was written.
func (m *machine) remains() []map[string][]byte {
	var all []map[string][]byte
	for _, folder := range append([]map[string]*inode{m.lasting}, m.pending...) {
		for _, kept := range []func(inode) []byte{
			func(i inode) []byte { return i.data[:i.lasting] },
			func(i inode) []byte { return i.data[:(i.lasting+len(i.data))/2] },
			func(i inode) []byte { return i.data },
			func(i inode) []byte {
				return append(i.data[:i.lasting:i.lasting], make([]byte, len(i.data)-i.lasting)...)
			},
		} {
			files := map[string][]byte{}
			for name, i := range folder {
				files[name] = kept(*i)
			}
			all = append(all, files)
		}
	}
	return all
}

// TestPowerCutAtEveryCall: after a power cut at any write, fsync, rename or removal, whatever of it reached the disk, the state is that after
// the last acknowledged change or after the one under way, and can be gone on with.
func TestPowerCutAtEveryCall(t *testing.T) {
	first := newMachine(nil)
	run(t, &folder{system: first}, rand.New(rand.NewPCG(1, 1)))
	before := map[string][]byte{}
	for name, i := range first.now {
		before[name] = i.data
	}
	cuts := 0
	for call := 1; ; call++ {
		m := newMachine(before)
		m.fails, m.err = call, errDead
		sure, maybe := run(t, &folder{system: m}, rand.New(rand.NewPCG(2, 2)))
		if m.calls < call {
			break
		}
		for n, files := range m.remains() {
			cuts++
			checkRemains(t, fmt.Sprintf("call %d, remains %d", call, n), before, files, sure, maybe)
		}
	}
	if cuts < 200 {
		t.Errorf("only %d cuts were tried", cuts)
	}
}

func checkRemains(t *testing.T, when string, before, files map[string][]byte, sure, maybe string) {
	t.Helper()
	start, err := ReadDisk(&folder{system: newMachine(before)})
	if err != nil {
		t.Fatal(err)
	}
	d := &folder{system: newMachine(files)}
	s, err := ReadDisk(d)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if got := text(t, s); got != sure && got != maybe && (sure != "" || got != text(t, start)) {
		t.Fatalf("%s: the state is\n%s\nwant\n%s\nor\n%s", when, got, sure, maybe)
	}
	store, err := open(d)
	if err != nil {
		t.Fatalf("%s: open again: %v", when, err)
	}
	if err := store.Append(Change{Put: sample(9)}); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if got, err := ReadDisk(d); err != nil || got.Serial != s.Serial+1 {
		t.Fatalf("%s: after recovery: serial %d, %v", when, got.Serial, err)
	}
}

// TestNoSpaceAtEveryCall: when a call fails and the machine lives on, as with a full disk, a change that was refused is not there, and once
// there is room again the next command works.
func TestNoSpaceAtEveryCall(t *testing.T) {
	for call := 1; ; call++ {
		m := newMachine(nil)
		m.fails, m.err = call, syscall.ENOSPC
		sure, _ := run(t, &folder{system: m}, rand.New(rand.NewPCG(2, 2)))
		if m.calls < call {
			return
		}
		m.fails = 0
		s, err := ReadDisk(&folder{system: m})
		if err != nil {
			t.Fatalf("call %d: %v", call, err)
		}
		if got := text(t, s); got != sure && sure != "" {
			t.Fatalf("call %d: the state is\n%s\nwant\n%s", call, got, sure)
		}
		if sure, maybe := run(t, &folder{system: m}, rand.New(rand.NewPCG(3, 3))); sure == "" || sure != maybe {
			t.Fatalf("call %d: the next command fails", call)
		}
	}
}
