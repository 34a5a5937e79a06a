package state

import (
	"bytes"
	"fmt"
)

// Follows says why next is not a later moment of this state; nil: it may be one. An empty state without changes can become any.
func (s *State) Follows(next *State) error {
	switch {
	case s.Serial == 0 && len(s.Instances) == 0:
		return nil
	case next.Lineage != s.Lineage:
		return fmt.Errorf("it is of another lineage (%s, and here is %s), so it is the state of something else", next.Lineage, s.Lineage)
	case next.Serial < s.Serial:
		return fmt.Errorf("it has serial %d, and here is %d: it does not know of the last changes", next.Serial, s.Serial)
	case next.Serial == s.Serial && !s.Same(next):
		return fmt.Errorf("it has serial %d like the one here, and is another one", next.Serial)
	}
	return nil
}

// Same says whether both remember the same, at the same serial.
func (s *State) Same(other *State) bool {
	a, err := Encode(s)
	if err != nil {
		return false
	}
	b, err := Encode(other)
	return err == nil && bytes.Equal(a, b)
}
