package station

import "viver/nodeimage/field"

const (
	// mostCache is how many bytes of the chunks that were read are kept beside the share, and cachePart of how many of RAM it is one at most.
	mostCache, cachePart = 64 << 20, 16
	// readAhead is how many chunks at most are fetched before they are asked for. Much of what follows in a root is not read.
	readAhead = 4
	// shareRate is how many bytes of the share are fetched in a second, at most: a machine that has just come up is about to be used.
	shareRate = 8 << 20
)

// settings are those of the machine's member.
func settings(c Config) (field.Config, error) {
	s := field.Config{Rest: true, ReadAhead: readAhead, ShareRate: shareRate, Cache: min(mostCache, c.Memory/cachePart)}
	if w := c.Wishes; w != nil {
		s.Replicas, s.Prefer = w.Replicas, w.Prefer
	}
	var err error
	s.Self.Runs = c.Image
	s.Self.Share, err = field.ShareOf(c.Wishes, c.Memory)
	return s, err
}
