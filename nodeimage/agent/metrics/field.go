package metrics

import (
	"strconv"
	"time"

	"viver/nodeimage/field"
)

// field writes what a member knows.
func (e *exposition) field(s field.Status) {
	e.reads(s.Reads)
	e.memory(s.Memory)
	e.members(s.Members)
	e.images(s.Images)
	e.write("viver_field_seed_may_go", gauge, "Whether this member sees every chunk on as many machines as there are to be.", truth(s.SeedMayGo))
	e.write("viver_field_may_leave", gauge, "Whether this member holds nothing that others do not hold.", truth(s.MayLeave))
}

func (e *exposition) reads(r field.Reads) {
	e.write("viver_field_read_chunks_total", counter, "Chunks that were read, by this machine and others.", one(r.Chunks))
	e.write("viver_field_read_hits_total", counter, "Chunks that were read and were here.", one(r.Hits))
	e.write("viver_field_fetched_bytes_total", counter, "Bytes of chunks that came over the network, by where from.",
		labelled("source", "nodes", r.FromNodes), labelled("source", "seeds", r.FromSeeds))
	e.write("viver_field_wasted_bytes_total", counter, "Bytes that came twice, or wrong.", one(r.Wasted))
	e.write("viver_field_served_bytes_total", counter, "Bytes that other members were given.", one(r.Served))
	e.write("viver_field_hedges_total", counter, "Chunks that a second member was asked for as the first one was slow.", one(r.Hedges))
	e.write("viver_field_hedge_wins_total", counter, "Chunks that the second member brought first.", one(r.HedgeWins))
	e.write("viver_field_stalls_total", counter, "Times that a member delivered nothing for too long.", one(r.Stalls))
	e.write("viver_field_bans_total", counter, "Times that a member was not asked any more.", one(r.Bans))
	e.write("viver_field_fetch_seconds", summary, "How long chunks took that had to be fetched, of the last thousand.",
		quantile("0.5", r.P50), quantile("0.95", r.P95), quantile("0.99", r.P99))
}

func quantile(of string, d time.Duration) sample { return labelled("quantile", of, d.Seconds()) }

func (e *exposition) memory(m field.Memory) {
	e.write("viver_field_memory_bytes", gauge, "RAM that chunks take.",
		labelled("use", "share", m.Share), labelled("use", "cache", m.Cache), labelled("use", "flying", m.Flying))
	e.write("viver_field_memory_limit_bytes", gauge, "RAM that chunks may take.",
		labelled("use", "share", m.ShareLimit), labelled("use", "cache", m.CacheLimit))
}

// members counts the others; one can be several of these.
func (e *exposition) members(list []field.MemberStatus) {
	var nodes, seeds, connected, drained, leaving, banned int
	for _, m := range list {
		seeds += count(m.Seed)
		nodes += count(!m.Seed)
		connected += count(m.Connected)
		drained += count(m.Drained)
		leaving += count(m.Leaving)
		banned += count(m.Banned != "")
	}
	e.write("viver_field_members", gauge, "Other members that this one knows.", labelled("kind", "node", nodes), labelled("kind", "seed", seeds))
	e.write("viver_field_members_connected", gauge, "Members that this one is connected to.", one(connected))
	e.write("viver_field_members_drained", gauge, "Members that an operator has drained.", one(drained))
	e.write("viver_field_members_leaving", gauge, "Members that hand over.", one(leaving))
	e.write("viver_field_members_banned", gauge, "Members that this one does not ask any more.", one(banned))
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (e *exposition) images(list []field.ImageStatus) {
	each := func(name, help string, value func(field.ImageStatus) float64) {
		var samples []sample
		for _, i := range list {
			samples = append(samples, labelled("image", string(i.ID), value(i)))
		}
		e.write(name, gauge, help, samples...)
	}
	each("viver_field_image_chunks", "Chunks of the image.", func(i field.ImageStatus) float64 { return float64(i.Chunks) })
	each("viver_field_image_held_chunks", "Chunks of the image that are here.", func(i field.ImageStatus) float64 { return float64(i.Held) })
	each("viver_field_image_share_chunks", "Chunks of the image that this member is to hold.", func(i field.ImageStatus) float64 { return float64(i.Share) })
	each("viver_field_image_missing_chunks", "Chunks of the share that are not here yet.", func(i field.ImageStatus) float64 { return float64(i.Missing) })
	each("viver_field_image_coverage_ratio", "The part of the chunks that are on as many members as there are to be.", coverage)
	var replicas []sample
	for _, i := range list {
		for n, chunks := range i.Replicas {
			replicas = append(replicas, sample{[]string{"image", string(i.ID), "replicas", strconv.Itoa(n)}, float64(chunks)})
		}
	}
	e.write("viver_field_image_replicas_chunks", gauge, "Chunks of the image by how many members hold them; the highest number counts all above too.", replicas...)
}

// coverage is the latest that was noted, 0 if that is none.
func coverage(i field.ImageStatus) float64 {
	if n := len(i.Coverage); n > 0 {
		return i.Coverage[n-1].Part
	}
	return 0
}
