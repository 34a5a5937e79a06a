package field

import (
	"cmp"
	"slices"

	"viver/nodeimage/spec"
)

// status returns what is known, but for what is counted outside of core.
func (c *core) status() Status {
	s := Status{Self: c.config.Self, Time: c.now, Reads: c.reads}
	s.Self.Leaving = c.leaving != nil || c.retired
	s.Reads.P50, s.Reads.P95, s.Reads.P99 = c.times.p50, c.times.p95, c.times.p99
	s.Memory = Memory{ShareLimit: c.config.Self.Share, CacheLimit: c.memory.limit, Share: c.memory.share, Cache: c.memory.cache}
	for _, i := range c.order {
		s.Images = append(s.Images, c.imageStatus(i))
		for _, f := range i.flights {
			s.Memory.Flying += int64(len(f.attempts)) * spec.ChunkSize
		}
	}
	for _, m := range c.members {
		if !m.alive && m.banned == "" {
			continue
		}
		s.Members = append(s.Members, c.memberStatus(m))
	}
	slices.SortFunc(s.Members, func(a, b MemberStatus) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	s.SeedNeeded = c.seedNeeded()
	s.SeedMayGo = s.SeedNeeded == ""
	_, err := c.without().verdict(handOver)
	if s.MayLeave = err == nil; err != nil {
		s.LeaveRefused = err.Error()
	}
	return s
}

func (c *core) imageStatus(i *image) ImageStatus {
	s := ImageStatus{ID: i.id, Bytes: i.bytes, Chunks: i.chunks, InUse: i.users > 0, Coverage: slices.Clone(i.coverage)}
	s.Replicas = make([]int, c.config.Replicas+1)
	for index := range i.chunks {
		held, share := i.table.Has(index), i.share.Has(index)
		s.Held += count(held)
		s.Share += count(share)
		s.Missing += count(share && !held)
		s.Replicas[min(c.replicas(i, index), c.config.Replicas)]++
	}
	return s
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *core) memberStatus(m *known) MemberStatus {
	s := MemberStatus{
		Member: m.Member, Connected: m.link != nil, Drained: m.wish.drained, Preferred: m.wish.preferred, Banned: m.banned,
		Outstanding: int64(m.outstanding+m.waiting) * spec.ChunkSize, Bytes: m.bytes, Chunk: m.pace, Failures: m.failures, LastError: m.lastError,
	}
	for _, bits := range m.held {
		s.Held += bits.Count()
	}
	return s
}

// ranges returns where the chunks of an image are, or would come from.
func (c *core) ranges(i *image) (list []Range) {
	for index := range i.chunks {
		r := Range{Offset: int64(index) * spec.ChunkSize, Length: i.length(index), State: "away"}
		switch {
		case !i.table.Has(index):
			r.From = c.source(i, index)
		case i.share.Has(index):
			r.State, r.From = "share", i.origin[index]
		default:
			r.State, r.From = "cache", i.origin[index]
		}
		if n := len(list); n > 0 && list[n-1].State == r.State && list[n-1].From == r.From {
			list[n-1].Length += r.Length
			continue
		}
		list = append(list, r)
	}
	return list
}

// source returns the name of the member that would be asked for a chunk, if nobody were asked for anything else; "" if there is none.
func (c *core) source(i *image, index int) string {
	options := c.options(&flight{image: i, index: index})
	at := -1
	for n, o := range options {
		if at < 0 || cmp.Or(cmp.Compare(o.tier, options[at].tier), cmp.Compare(o.cost, options[at].cost)) < 0 {
			at = n
		}
	}
	if at < 0 {
		return ""
	}
	return options[at].member.Name
}
