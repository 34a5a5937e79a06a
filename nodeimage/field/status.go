package field

import (
	"time"

	"viver/nodeimage/spec"
)

// Status is what a member knows at one moment, of itself and of those that it is connected to.
type Status struct {
	Self    Member         `json:"self"`
	Time    time.Time      `json:"time"`
	Memory  Memory         `json:"memory"`
	Images  []ImageStatus  `json:"images"`
	Members []MemberStatus `json:"members"` // by name
	Reads   Reads          `json:"reads"`
	// SeedMayGo says that every chunk of every image is on as many members as there are to be. SeedNeeded says why not.
	SeedMayGo  bool   `json:"seed_may_go"`
	SeedNeeded string `json:"seed_needed,omitempty"`
	// MayLeave says that this member holds nothing that others do not hold. LeaveRefused says what it does.
	MayLeave     bool   `json:"may_leave"`
	LeaveRefused string `json:"leave_refused,omitempty"`
}

// Memory is what the chunks take, in bytes.
type Memory struct {
	ShareLimit int64 `json:"share_limit"`
	CacheLimit int64 `json:"cache_limit"` // lower than configured under memory pressure
	Share      int64 `json:"share"`
	Cache      int64 `json:"cache"`
	Flying     int64 `json:"flying"` // room for what is being fetched
}

// ImageStatus is that of one image. Counts are of chunks.
type ImageStatus struct {
	ID       spec.Digest `json:"id"`
	Bytes    int64       `json:"bytes"`
	Chunks   int         `json:"chunks"`
	InUse    bool        `json:"in_use"`   // this machine runs it
	Held     int         `json:"held"`     // by this member
	Share    int         `json:"share"`    // that this member is to hold
	Missing  int         `json:"missing"`  // of Share
	Replicas []int       `json:"replicas"` // how many chunks are on 0, 1, 2 ... members that are no seeds; the last counts all above
	// Coverage is the part of Chunks with as many replicas as there are to be, over time, the oldest first.
	Coverage []Coverage `json:"coverage"`
}

// Coverage is how much of an image was held well at one time.
type Coverage struct {
	Time time.Time `json:"time"`
	Part float64   `json:"part"` // 0 to 1
}

// MemberStatus is what is known of another member.
type MemberStatus struct {
	Member
	Connected   bool          `json:"connected"`
	Drained     bool          `json:"drained"`
	Preferred   float64       `json:"preferred"`        // 1: neither more nor less than others
	Banned      string        `json:"banned,omitempty"` // why
	Held        int           `json:"held"`             // chunks of all images
	Outstanding int64         `json:"outstanding"`      // bytes asked for and not delivered yet
	Bytes       int64         `json:"bytes"`            // that it has delivered
	Chunk       time.Duration `json:"chunk"`            // how long it takes for a chunk, on average of late
	Failures    int           `json:"failures"`         // links lost, refusals and stalls
	LastError   string        `json:"last_error,omitempty"`
}

// Reads counts since the start.
type Reads struct {
	Chunks    int64 `json:"chunks"`     // that were read by this machine, with those of other members
	Hits      int64 `json:"hits"`       // of them those that were here
	FromNodes int64 `json:"from_nodes"` // bytes
	FromSeeds int64 `json:"from_seeds"` // bytes
	Wasted    int64 `json:"wasted"`     // bytes that came twice, or wrong
	Served    int64 `json:"served"`     // bytes, to other members
	Hedges    int64 `json:"hedges"`
	HedgeWins int64 `json:"hedge_wins"`
	Stalls    int64 `json:"stalls"`
	Bans      int64 `json:"bans"`
	// How long a chunk took that had to be fetched, of the last thousand or so.
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
	P99 time.Duration `json:"p99"`
}

// Range is a row of chunks with the same origin, for a map of an image.
type Range struct {
	Offset int64  `json:"offset"` // bytes
	Length int64  `json:"length"`
	State  string `json:"state"` // "share", "cache" or "away"
	// From is the name of the member that has delivered it, or, if it is away, of the one that would be asked now; "" if there is none.
	From string `json:"from"`
}
