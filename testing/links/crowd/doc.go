// Package crowd fills a room of package links with a seed and members of V-FIELD, each a process of its own on a host of its own, put
// together as on a real machine but for the kernel: with passports, TLS, gossip and verification. What they do is said to them over a
// pipe. Benchmarks and fault tests are made of it.
//
// A program that uses it calls Main first: the processes are that program, run again.
package crowd

import (
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// word is what the program is run with to be a process on a host.
const word = "crowd-member"

// Ports of the members. All have an address of their own.
const (
	portBlocks  = spec.PortNBD
	portControl = spec.PortField
	portGossip  = spec.PortGossip
)

// role is what a process is.
type role string

const (
	seedRole   role = "seed"
	memberRole role = "member"
	// falseRole is a member that says that it has all chunks, and serves what Fault says.
	falseRole role = "false member"
	// idleRole is nothing yet: a machine before it boots, or one that only reads from others.
	idleRole role = "idle"
)

// Fault is what a false member does when it is asked for a chunk.
type Fault string

// The faults.
const (
	Honest Fault = "honest" // it delivers what it should
	Lies   Fault = "lies"   // it delivers wrong bytes
	Stalls Fault = "stalls" // it delivers nothing, and says that it lives
)

// birth is what a process is told first.
type birth struct {
	Role     role          `json:"role"`
	Name     string        `json:"name"`
	Boot     string        `json:"boot"`
	Address  string        `json:"address"`
	Hints    []string      `json:"hints"`
	Cluster  string        `json:"cluster"`
	Trust    spec.Trust    `json:"trust"`
	Passport spec.Passport `json:"passport"`
	Key      string        `json:"key"`
	Image    spec.Digest   `json:"image"`
	Root     spec.Root     `json:"root"`
	Data     string        `json:"data"` // file with the image, for a seed and a false member
	Options
}

// Options are the same for all members; what is zero is field.Config's default.
type Options struct {
	Share, Cache int64 // bytes
	Replicas     int
	// AtOnce is how many reads of a chunk a reader has under way.
	AtOnce int
	// Rest and ReadAhead are those of field.Config.
	Rest      bool
	ReadAhead int
	// Profile is a folder for profiles of the processor time that each member's Read takes, NAME.cpu; "": none are made.
	Profile string
}

// order is what a process is told to do; it gives one reply to each.
type order struct {
	Do    string        `json:"do"` // the name of a method of worker
	Fault Fault         `json:"fault,omitempty"`
	Limit time.Duration `json:"limit,omitempty"` // of each read
	Pause time.Duration `json:"pause,omitempty"` // after each read

	Server *Server `json:"server,omitempty"`  // whose image is read; nil: the process is a member
	Socket string  `json:"socket,omitempty"`  // where the image is exported
	Spans  []Span  `json:"spans,omitempty"`   // what is read
	AtOnce int     `json:"at_once,omitempty"` // how many of them
}

// reply is what came of an order.
type reply struct {
	Error  string        `json:"error,omitempty"`
	Status *field.Status `json:"status,omitempty"`
	Tally  *Tally        `json:"tally,omitempty"`
}

// Tally is what a reader has seen since it was asked last.
type Tally struct {
	Reads   int64         `json:"reads"`
	Bytes   int64         `json:"bytes"`
	Wrong   int64         `json:"wrong"`   // reads that returned wrong bytes
	Failed  int64         `json:"failed"`  // reads that returned an error, or nothing within the limit
	Error   string        `json:"error"`   // the last of them
	Median  time.Duration `json:"median"`  // of how long a read took that had to wait for others
	Longest time.Duration `json:"longest"` // of all reads, with those still under way; what was before it was asked last is not counted
	// Late is by how much, at the most, the process was woken later than it had asked for: so much of Longest may be this computer's fault.
	Late time.Duration `json:"late"`
}
