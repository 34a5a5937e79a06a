// Package bitset is a set of small non-negative integers. It owns the set of instance numbers by which the planner writes
// down who depends on whom, and knows nothing of instances.
package bitset

import (
	"iter"
	"math/bits"
	"slices"
)

const wordBits = 64

// Set is a set of integers from 0 on. The zero Set is empty. It takes one bit for each number up to its greatest member.
// A copy of a Set shares its members: use Clone where one of the two changes. It is not safe for concurrent changes.
type Set struct {
	words []uint64
}

// Of returns the set of these numbers.
func Of(numbers ...int) Set {
	var s Set
	for _, n := range numbers {
		s.Add(n)
	}
	return s
}

// Add puts n, which is 0 or greater, into s.
func (s *Set) Add(n int) {
	s.grow(n/wordBits + 1)
	s.words[n/wordBits] |= 1 << (n % wordBits)
}

// Remove takes n out of s; it may be absent.
func (s *Set) Remove(n int) {
	if s.Has(n) {
		s.words[n/wordBits] &^= 1 << (n % wordBits)
	}
}

// Has reports whether n is in s.
func (s Set) Has(n int) bool {
	return n >= 0 && n/wordBits < len(s.words) && s.words[n/wordBits]&(1<<(n%wordBits)) != 0
}

// Or adds all members of other to s.
func (s *Set) Or(other Set) {
	s.grow(len(other.words))
	for i, w := range other.words {
		s.words[i] |= w
	}
}

// Len returns how many members s has.
func (s Set) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether s has no members.
func (s Set) Empty() bool {
	return !slices.ContainsFunc(s.words, func(w uint64) bool { return w != 0 })
}

// Clone returns a copy of s that shares nothing with it.
func (s Set) Clone() Set {
	return Set{words: slices.Clone(s.words)}
}

// All yields the members of s in ascending order. s must not change meanwhile.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(i*wordBits + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

func (s *Set) grow(words int) {
	if more := words - len(s.words); more > 0 {
		s.words = append(s.words, make([]uint64, more)...)
	}
}
