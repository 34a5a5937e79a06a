package station

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"time"

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
		data, err := os.ReadFile("/proc/meminfo")
		left, ok := available(data)
		if err != nil || !ok {
			return // a kernel without it is none that is known
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

// available returns the bytes that programs can have without swapping: MemAvailable of meminfo (proc_meminfo(5)).
func available(meminfo []byte) (bytesLeft int64, ok bool) {
	for lines := bufio.NewScanner(bytes.NewReader(meminfo)); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "MemAvailable:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}
