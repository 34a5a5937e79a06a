package field

import (
	"context"
	"errors"

	"viver/nodeimage/spec"
)

// ErrRefused is what a Link's Read wraps when the member answers that it cannot deliver the chunk. The link stays usable.
var ErrRefused = errors.New("the member does not have the chunk")

// Peers reaches other members. It is safe for concurrent use.
type Peers interface {
	// Dial connects to a member; ctx bounds that. The link calls hear with what the member tells, one message at a time and in order,
	// first what it holds of each image (Held), until the link is lost or closed; hear does not block for long.
	Dial(ctx context.Context, m Member, hear func(Message)) (Link, error)
}

// Link is a connection to a member, over which any number of reads may be under way. It is safe for concurrent use.
type Link interface {
	// Read fills p with a chunk; len(p) is the chunk's length. What it delivers need not be right. An error that does not wrap
	// ErrRefused, and is not that of ctx, means that the link is lost. Read does not touch p after it has returned.
	Read(ctx context.Context, image spec.Digest, chunk int, p []byte) error
	// Received returns how many bytes of chunks have arrived: while it grows, the member delivers.
	Received() int64
	// Lost is closed when the link cannot be used any more; Err then says why.
	Lost() <-chan struct{}
	Err() error
	// Close ends the link and all reads over it.
	Close() error
}

// Message is what a member tells those that are connected to it. One of its fields is set.
type Message struct {
	Held  *Held  `json:"held,omitempty"`
	Delta *Delta `json:"delta,omitempty"`
	Load  *Load  `json:"load,omitempty"`
}

// Held is all that a member holds of an image: no chunks, if it has dropped the image. An image of which nothing was told is not held at all.
type Held struct {
	Image  spec.Digest `json:"image"`
	Chunks Bits        `json:"chunks"`
}

// Delta is what has changed since the last Held or Delta of the image.
type Delta struct {
	Image spec.Digest `json:"image"`
	Came  []uint32    `json:"came,omitempty"` // chunks
	Went  []uint32    `json:"went,omitempty"`
}

// Load comes every Beat, and is the sign that the member lives.
type Load struct {
	// Serving is how many bytes others wait for at this moment.
	Serving int64 `json:"serving"`
	// Reading says that its machine has just read what it had to fetch: others are to leave it the lines.
	Reading bool `json:"reading,omitempty"`
	// Leaving is as in Member: it may come to be known here first.
	Leaving bool `json:"leaving,omitempty"`
}
