package field

import "viver/nodeimage/spec"

// MemberID names one life of a machine, such as "pc07/" and its boot ID: what was known of a former life must not count for the next.
type MemberID string

// Member is a machine that takes part, as it tells of itself.
type Member struct {
	ID   MemberID `json:"id"`
	Name string   `json:"name"` // for people: "pc07"
	// Blocks is where it serves chunks, and Control where it tells what it holds: "host:port". A seed may have no Control: it has
	// everything, always.
	Blocks  string `json:"blocks"`
	Control string `json:"control,omitempty"`
	// Share is how many bytes of RAM it gives for a share of the images; its weight. Zero: it holds no share.
	Share int64 `json:"share"`
	// Seed says that it has the images whole, on its disk. It is asked when no other member can be.
	Seed bool `json:"seed,omitempty"`
	// Leaving says that it hands over: it serves what it holds, but is to hold nothing any more.
	Leaving bool `json:"leaving,omitempty"`
	// Complete says that it holds all that it is to hold, and by which plan: who has made the same plan knows what that is, without a
	// connection. Zero: it does not.
	Complete uint64 `json:"complete,omitempty,string"`
	// Runs is the image whose root the machine has; "": none that is known. Images that a member runs have the memory of all first.
	Runs spec.Digest `json:"runs,omitempty"`
}
