// Package spec is the bridge between the operator's world and the machines': the documents that viver sends and viver-node obeys.
//
// It owns their shapes, their validation and the names they use on the wire. It does nothing: no I/O, no clock, no import
// of another package of this module. Every document is JSON; unknown fields are refused by the reader (see Decode), so that
// an old viver-node says that it is too old instead of leaving out half of what it was told.
//
// Three documents describe one machine, and are never mixed: NodeSpec is what is wanted, Machine is what was
// observed, and what viver remembers of both stands in its own state.
package spec
