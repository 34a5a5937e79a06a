package bitset_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"viver/planner/bitset"
)

// TestAgainstMap does the same to a Set and to a map, and compares.
func TestAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s bitset.Set
	want := map[int]bool{}
	for range 2000 {
		n := r.IntN(300)
		if r.IntN(3) == 0 {
			s.Remove(n)
			delete(want, n)
		} else {
			s.Add(n)
			want[n] = true
		}
		if s.Has(n) != want[n] || s.Len() != len(want) || s.Empty() != (len(want) == 0) {
			t.Fatalf("after %d: Has %v Len %d Empty %v, want %v %d", n, s.Has(n), s.Len(), s.Empty(), want[n], len(want))
		}
	}
	got := slices.Collect(s.All())
	if !slices.IsSorted(got) || len(got) != len(want) {
		t.Fatalf("All yields %v", got)
	}
	for _, n := range got {
		if !want[n] {
			t.Errorf("All yields %d, which was removed", n)
		}
	}
}

func TestOr(t *testing.T) {
	a, b := bitset.Of(1, 200), bitset.Of(0, 64)
	b.Or(a)
	if got, want := slices.Collect(b.All()), []int{0, 1, 64, 200}; !slices.Equal(got, want) {
		t.Errorf("Or: %v, want %v", got, want)
	}
	if got, want := slices.Collect(a.All()), []int{1, 200}; !slices.Equal(got, want) {
		t.Errorf("Or changed its argument: %v, want %v", got, want)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	a := bitset.Of(3)
	b := a.Clone()
	b.Add(4)
	if a.Has(4) || !b.Has(3) {
		t.Errorf("a has 4: %v, b has 3: %v", a.Has(4), b.Has(3))
	}
}

func TestHasOutside(t *testing.T) {
	s := bitset.Of(5)
	if s.Has(-1) || s.Has(64) || s.Has(1<<40) {
		t.Error("numbers outside are members")
	}
	s.Remove(1 << 40)
}

func TestAllStopsEarly(t *testing.T) {
	for n := range bitset.Of(7, 9, 70).All() {
		if n != 7 {
			t.Fatalf("first is %d", n)
		}
		break
	}
}
