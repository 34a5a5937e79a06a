package field

import (
	"log/slog"
	"time"

	"viver/nodeimage/spec"
)

// Config is what a member is told at its start. What is zero gets the default that stands with it.
type Config struct {
	Self  Member // as the others see it
	Peers Peers
	// Cache is how many bytes of RAM hold chunks that were read, beside the share; 64 MiB, and no less than 4 MiB.
	Cache int64
	// Replicas is how many members are to hold each chunk; 3.
	Replicas int
	// Prefer says how much more often than others members are asked, by name; see Field.Prefer.
	Prefer map[string]float64
	// ReadAhead is how many chunks at most are fetched before they are asked for, when reads follow one another; 64, and no more than
	// half of Cache.
	ReadAhead int
	// MaxPeers is how many members this one is connected to at most, beside seeds; 16.
	MaxPeers int
	// Settle is how long there must have been no read until the share is fetched with full force; 2 s. While there are reads, the share
	// is fetched slowly.
	Settle time.Duration
	// ShareRate is how many bytes of the share are fetched in a second, at most; 32 MiB.
	ShareRate int64
	// Rest says that no share is fetched before Wake: the machine is starting, and has better to do.
	Rest bool
	// Stall is for how long a member may deliver nothing, while it is asked, until the next is asked as well; 400 ms.
	Stall time.Duration
	Log   *slog.Logger // nil is silent
}

// Beat is how often a member tells its Load; BeatHeld how often, at most, what it holds.
const (
	Beat     = 100 * time.Millisecond
	BeatHeld = 25 * time.Millisecond
)

func (c Config) withDefaults() Config {
	setDefault(&c.Cache, 64<<20)
	c.Cache = max(c.Cache, 4<<20)
	setDefault(&c.Replicas, 3)
	setDefault(&c.ReadAhead, 64)
	c.ReadAhead = min(c.ReadAhead, int(c.Cache/2/spec.ChunkSize))
	setDefault(&c.MaxPeers, 16)
	setDefault(&c.Settle, 2*time.Second)
	setDefault(&c.ShareRate, 32<<20)
	setDefault(&c.Stall, 400*time.Millisecond)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
