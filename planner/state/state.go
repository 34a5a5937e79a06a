// Package state remembers what viver has brought about: a snapshot, an append-only journal that is on the disk after every step, backups
// and a lock. It owns the file formats, and nothing of what the remembered things mean.
//
// A state is a few files. They are kept on a Disk: the folder ".viver" beside the configuration, or what another package offers.
//
//	state.json        the snapshot
//	journal           one line for each change since the snapshot: CRC-32C in hex, a space, JSON
//	backup-N.json     the snapshot before the last one, and so on: N grows, the ten newest are kept
//	backup-N.journal  what was done after that snapshot: both together are the next one
//	damaged-N.*       what repairing has put aside
//	kept-NAME         what belongs to the state and is no part of it
//	key               32 random bytes by which sensitive values are hashed
//	lock              flock(2) is held on it by whoever changes the state; its text says who
//
// A change counts once its line is in the journal. The journal is folded into the snapshot when the state is opened and closed;
// a crash at any point of that loses nothing, because each record carries the serial that it brings the state to.
package state

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
)

// Folder is the name of the state's folder beside the configuration.
const Folder = ".viver"

// State is all that is remembered. It is a value of its own: nobody changes it behind its holder's back.
type State struct {
	// Lineage is drawn at random when the state is made; two states with different lineages have nothing to do with each other.
	Lineage string
	// Serial counts the changes.
	Serial uint64
	// Instances by address. What they point to is never changed.
	Instances map[string]*Instance
	// Outputs of the root module as the last apply left them.
	Outputs map[string]Output
	// Origins has the instances that were moved: under which address the digests of their sensitive values are made, by their own.
	// So a move changes no digest.
	Origins map[string]string

	key []byte
}

// Instance is one remembered thing. Its values are known at every depth and carry no marks.
type Instance struct {
	Addr  string    // "node.pc[0]"
	Group string    // the block's address, "node.pc"
	Key   cty.Value // in count or for_each: a number or a string; cty.NilVal or null: none
	Type  string    // "node", "step.file"
	// Machine is the address of the machine that a step acts on, and MachineKind its kind; empty for all else.
	Machine     string
	MachineKind string
	// Position is a step's place among all steps of its machine, from 0.
	Position int
	Status   Status
	// Protect says that it must not be destroyed.
	Protect bool
	// Inputs are the arguments of the last apply: references are their addresses, sensitive values their digests.
	Inputs cty.Value
	// Computed are the attributes that the apply returned.
	Computed map[string]cty.Value
	// Refs says for each argument that refers to other instances which they were, by address, with a digest of how they were.
	Refs map[string]map[string]string
	// Depends are the addresses of all instances that the arguments came from, sorted.
	Depends []string
}

// Status says whether the last apply of an instance reached its end.
type Status string

// The states of an instance.
const (
	Complete   Status = "complete"
	Incomplete Status = "incomplete" // begun and not ended, or failed: the next apply takes it up again
)

// Output is one output value of the root module.
type Output struct {
	Value       cty.Value // null when Sensitive: such values are not kept
	Sensitive   bool
	Description string
}

// Change is one change of the state: exactly one of its fields is set.
type Change struct {
	Put     *Instance
	Forget  string // the address of an instance that is gone
	Outputs map[string]Output
}

// New returns an empty state with a lineage and a key ("" and nil: none yet).
func New(lineage string, key []byte) *State {
	return &State{
		Lineage: lineage, Instances: map[string]*Instance{}, Outputs: map[string]Output{}, Origins: map[string]string{}, key: key,
	}
}

// Instance returns what is remembered of an address, or nil.
func (s *State) Instance(address string) *Instance { return s.Instances[address] }

// Clone returns a state that can be changed without changing s.
func (s *State) Clone() *State {
	c := *s
	c.Instances, c.Outputs, c.Origins = maps.Clone(s.Instances), maps.Clone(s.Outputs), maps.Clone(s.Origins)
	return &c
}

// Key is the secret by which sensitive values are hashed; nil: none yet.
func (s *State) Key() []byte { return s.key }

// WithKey returns s with another key.
func (s *State) WithKey(key []byte) *State {
	c := s.Clone()
	c.key = key
	return c
}

// Apply carries out a change, which brings the state to the next serial.
func (s *State) Apply(c Change) {
	s.Serial++
	switch {
	case c.Put != nil:
		s.Instances[c.Put.Addr] = c.Put
	case c.Forget != "":
		delete(s.Instances, c.Forget)
	default:
		s.Outputs = c.Outputs
	}
}
