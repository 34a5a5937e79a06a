package apply

import "viver/planner/state"

// Store remembers what is done; *state.Store is one. It is safe for concurrent use.
type Store interface {
	// State returns the state as it is now.
	State() *state.State
	// Instance returns what is remembered of an address now, or nil.
	Instance(address string) *state.Instance
	// Append makes changes, and returns when they last. It has no context: what was done is written down also after Ctrl-C.
	Append(changes ...state.Change) error
	// Replace puts another state, whole, in place of the one there is. Its serial becomes higher than both had.
	Replace(next *state.State) error
}
