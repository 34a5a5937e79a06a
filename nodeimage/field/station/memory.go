package station

import (
	"context"
	"os"
	"time"

	"viver/nodeimage/facts"
	"viver/nodeimage/field"
)

const (
	// lookAtMemory is how often it is looked how much memory is left.
	lookAtMemory = 2 * time.Second
	// short and enough are the parts of a machine's RAM, one of so many, that are left when the cache gives its memory back and when it takes
	// it again.
	short, enough = 16, 8
)

// breathe gives the memory of the cache back while the machine is short of it. The share stays: others count on it.
func (s *Station) breathe(ctx context.Context, f *field.Field) {
	tick := time.NewTicker(lookAtMemory)
	defer tick.Stop()
	for tight := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		left := facts.AvailableMemory(os.DirFS("/"))
		if left == 0 {
			return // a kernel that does not say it is none that is known
		}
		was := tight
		if tight = left < s.config.Memory/short || tight && left < s.config.Memory/enough; tight != was {
			size := s.settings.Cache
			if tight {
				size = 0
			}
			_ = f.SetCache(size) // it fails when the field has ended
		}
	}
}
