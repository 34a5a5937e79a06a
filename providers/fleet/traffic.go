package fleet

import (
	"cmp"
	"slices"
	"time"

	"viver/nodeimage/field"
	"viver/planner/addr"
)

// Traffic is what nodes have read from one another between two times at which they were asked.
type Traffic struct {
	Readers int `json:"readers"` // nodes that were asked twice
	// FromNodes, FromSeeds are what they read, in bytes per second; Served is what they gave.
	FromNodes float64 `json:"from_nodes"`
	FromSeeds float64 `json:"from_seeds"`
	Served    float64 `json:"served"`
	// Chunks that were read, and of them Hits, which were here.
	Chunks int64 `json:"chunks"`
	Hits   int64 `json:"hits"`
	// Hedges, HedgeWins and Stalls happened in between.
	Hedges    int64 `json:"hedges"`
	HedgeWins int64 `json:"hedge_wins"`
	Stalls    int64 `json:"stalls"`
	// P50, P95 and P99 say how long chunks took of late, where that was longest.
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
	P99 time.Duration `json:"p99"`
	// Sources are those that were read from, those that gave most first, then by name.
	Sources []Source `json:"sources"`
}

// Source is a member as those see it who read from it.
type Source struct {
	Name    string        `json:"name"`
	Seed    bool          `json:"seed,omitempty"`
	Readers int           `json:"readers"` // that are connected to it
	Rate    float64       `json:"rate"`    // bytes per second that they were given
	Chunk   time.Duration `json:"chunk"`   // how long it takes for a chunk, on average of those that read from it
	Waiting int64         `json:"waiting"` // bytes that are asked for
	// Failures are links lost, refusals and stalls since the readers started.
	Failures int `json:"failures"`
	// DrainedBy and BannedBy are the nodes that do not ask it.
	DrainedBy []string `json:"drained_by,omitempty"`
	BannedBy  []string `json:"banned_by,omitempty"`

	timed int // readers that Chunk is the sum of
}

// TrafficBetween compares two lists of views. A node that is not in both, or was started anew in between, counts as of now only.
func TrafficBetween(before, after []FieldView) Traffic {
	t := Traffic{Sources: []Source{}}
	sources := map[string]*Source{}
	for _, v := range after {
		if v.Status == nil {
			continue
		}
		first := earlier(before, v)
		t.read(first, v.Status)
		for _, m := range v.Status.Members {
			s := sources[m.Name]
			if s == nil {
				s = &Source{Name: m.Name}
				sources[m.Name] = s
			}
			s.seen(v.Node, m, first, v.Status)
		}
	}
	for _, s := range sources {
		s.Chunk /= time.Duration(max(1, s.timed))
		t.Sources = append(t.Sources, *s)
	}
	slices.SortFunc(t.Sources, func(a, b Source) int { return cmp.Or(cmp.Compare(b.Rate, a.Rate), addr.Natural(a.Name, b.Name)) })
	return t
}

// earlier returns what the node of v said before, in the same life; nil: nothing.
func earlier(before []FieldView, v FieldView) *field.Status {
	for _, b := range before {
		if b.Node == v.Node && b.Status != nil && b.Status.Self.ID == v.Status.Self.ID && b.Status.Reads.Chunks <= v.Status.Reads.Chunks {
			return b.Status
		}
	}
	return nil
}

// rate is how much a counter has grown in a second.
func rate(grown int64, first, now *field.Status) float64 {
	passed := now.Time.Sub(first.Time).Seconds()
	if passed <= 0 || grown < 0 {
		return 0
	}
	return float64(grown) / passed
}

// read adds what one node has read.
func (t *Traffic) read(first, now *field.Status) {
	r := now.Reads
	t.P50, t.P95, t.P99 = max(t.P50, r.P50), max(t.P95, r.P95), max(t.P99, r.P99)
	if first == nil {
		return
	}
	was := first.Reads
	t.Readers++
	t.FromNodes += rate(r.FromNodes-was.FromNodes, first, now)
	t.FromSeeds += rate(r.FromSeeds-was.FromSeeds, first, now)
	t.Served += rate(r.Served-was.Served, first, now)
	t.Chunks += r.Chunks - was.Chunks
	t.Hits += r.Hits - was.Hits
	t.Hedges += r.Hedges - was.Hedges
	t.HedgeWins += r.HedgeWins - was.HedgeWins
	t.Stalls += r.Stalls - was.Stalls
}

// seen adds what one node says of the member.
func (s *Source) seen(by string, m field.MemberStatus, first, now *field.Status) {
	s.Seed = s.Seed || m.Seed
	s.Waiting += m.Outstanding
	s.Failures += m.Failures
	if m.Connected {
		s.Readers++
	}
	if m.Chunk > 0 {
		s.Chunk += m.Chunk
		s.timed++
	}
	if m.Drained {
		s.DrainedBy = append(s.DrainedBy, by)
	}
	if m.Banned != "" {
		s.BannedBy = append(s.BannedBy, by)
	}
	if first == nil {
		return
	}
	for _, was := range first.Members {
		if was.ID == m.ID {
			s.Rate += rate(m.Bytes-was.Bytes, first, now)
		}
	}
}
