package nbd_test

import (
	"testing"

	"viver/nodeimage/nbd"
)

// holey is a device of which the server holds some pieces of 1024 bytes.
type holey struct {
	healthy
	held string // one letter for each piece: x is held
}

func (h holey) Held(off int64) (bool, int64) {
	return h.held[off/1024] == 'x', 1024 - off%1024
}

// session has opened an export with structured replies and the meta context.
func session(t *testing.T, d nbd.Device) raw {
	t.Helper()
	r := dialRaw(t, serve(t, map[string]nbd.Device{"": d, "other": d}))
	r.say(uint32(3), "IHAVEOPT", uint32(8), uint32(0)) // STRUCTURED_REPLY
	r.expect(optionReply, uint32(8), uint32(1), uint32(0))
	r.meta(10, "", "base:allocation", nbd.ContextHeld)
	r.expect(optionReply, uint32(10), uint32(4), uint32(14), uint32(1), nbd.ContextHeld, optionReply, uint32(10), uint32(1), uint32(0))
	r.say("IHAVEOPT", uint32(1), uint32(0)) // EXPORT_NAME
	r.expect(uint64(8192), uint16(1|2|1<<7|1<<8))
	return r
}

func (r raw) meta(id uint32, export string, queries ...string) {
	r.t.Helper()
	b := wire(uint32(len(export)), export, uint32(len(queries)))
	for _, q := range queries {
		b = append(b, wire(uint32(len(q)), q)...)
	}
	r.say("IHAVEOPT", id, uint32(len(b)), b)
}

const (
	chunkMagic  = uint32(0x668e33ef)
	blockStatus = uint16(7)
)

func (r raw) expectChunk(kind uint16, cookie uint64, payload ...any) {
	r.t.Helper()
	b := wire(payload...)
	r.expect(chunkMagic, uint16(1), kind, cookie, uint32(len(b)), b)
}

func TestHeldRanges(t *testing.T) {
	r := session(t, holey{healthy{slow{content(8192)}}, "xx__x_xx"})
	r.say(request, uint16(0), blockStatus, uint64(1), uint64(0), uint32(8192))
	r.expectChunk(5, 1, uint32(1), uint32(2048), uint32(1), uint32(2048), uint32(0), uint32(1024), uint32(1), uint32(1024), uint32(0), uint32(2048), uint32(1))
	r.say(request, uint16(0), blockStatus, uint64(2), uint64(1500), uint32(1000))
	r.expectChunk(5, 2, uint32(1), uint32(548), uint32(1), uint32(452), uint32(0))
	r.say(request, uint16(1<<3), blockStatus, uint64(3), uint64(1), uint32(8191)) // REQ_ONE
	r.expectChunk(5, 3, uint32(1), uint32(2047), uint32(1))
}

// A device that knows nothing of this has everything, and both loops answer in structured replies.
func TestStructuredReplies(t *testing.T) {
	data := content(8192)
	for kind, d := range map[string]nbd.Device{"mapped": mapped(t, data), "spread": slow{data}} {
		t.Run(kind, func(t *testing.T) {
			r := session(t, d)
			r.say(request, uint16(0), blockStatus, uint64(1), uint64(0), uint32(8192))
			r.expectChunk(5, 1, uint32(1), uint32(8192), uint32(1))
			r.say(request, uint16(1<<2), uint16(0), uint64(2), uint64(5000), uint32(10)) // READ with DF
			r.expectChunk(1, 2, uint64(5000), data[5000:5010])
			r.say(request, uint16(0), uint16(0), uint64(3), uint64(5000), uint32(0))
			r.expectChunk(0, 3)
			for _, bad := range []struct {
				flags, command uint16
				offset         uint64
				length         uint32
				errno          uint32
			}{
				{0, blockStatus, 0, 0, 22},
				{0, blockStatus, 1, 8192, 22},
				{0, blockStatus, 1<<64 - 1, 1<<32 - 1, 22},
				{1 << 2, blockStatus, 0, 1, 22}, // DF
				{1 << 3, 0, 0, 1, 22},           // READ with REQ_ONE
				{0, 4, 0, 1, 1},                 // TRIM
			} {
				r.say(request, bad.flags, bad.command, uint64(4), bad.offset, bad.length)
				r.expectChunk(1<<15|1, 4, bad.errno, uint16(0))
			}
			if kind == "spread" { // the first block cannot be read
				r.say(request, uint16(0), uint16(0), uint64(5), uint64(0), uint32(1))
				r.expectChunk(1<<15|1, 5, uint32(5), uint16(0))
			}
		})
	}
}

func TestMetaContextNegotiation(t *testing.T) {
	ack := []any{uint32(1), uint32(0)}
	held := func(id uint32) []any {
		return []any{optionReply, id, uint32(4), uint32(14), uint32(1), nbd.ContextHeld, optionReply, id, uint32(1), uint32(0)}
	}
	r := dialRaw(t, serve(t, map[string]nbd.Device{"a": slow{content(8192)}, "b": slow{content(8192)}}))
	r.say(uint32(3))
	refused := func(id uint32, text string) {
		t.Helper()
		r.expect(optionReply, id, uint32(3|1<<31), uint32(len(text)), text)
	}
	r.meta(10, "a", nbd.ContextHeld)
	refused(10, "structured replies must be asked for before")
	r.say("IHAVEOPT", uint32(8), uint32(1), "x")
	refused(8, "structured replies are asked for without payload")
	r.say("IHAVEOPT", uint32(8), uint32(0))
	r.expect(optionReply, uint32(8), uint32(1), uint32(0))
	for _, c := range []struct {
		id      uint32
		queries []string
		found   bool
	}{
		{9, nil, true},
		{9, []string{"viver:"}, true},
		{9, []string{"base:"}, false},
		{10, nil, false},
		{10, []string{"viver:", "viver:helden"}, false},
		{10, []string{"viver:held"}, true},
	} {
		r.meta(c.id, "a", c.queries...)
		if c.found {
			r.expect(held(c.id)...)
		} else {
			r.expect(append([]any{optionReply, c.id}, ack...)...)
		}
	}
	r.meta(10, "c", nbd.ContextHeld)
	text := `no export "c" here`
	r.expect(optionReply, uint32(10), uint32(6|1<<31), uint32(len(text)), text)
	for text, b := range map[string][]byte{
		"the option is too short for a name":              wire(uint16(1)),
		"the name is longer than the option":              wire(uint32(1<<32-1), "a"),
		"the option is too short for a number of queries": wire(uint32(1), "a", uint16(0)),
		"the option has no room for 4294967295 queries":   wire(uint32(1), "a", uint32(1<<32-1), "x"),
		"the option is longer than its queries":           wire(uint32(1), "a", uint32(0), "x"),
	} {
		r.say("IHAVEOPT", uint32(10), uint32(len(b)), b)
		refused(10, text)
	}
	r.say("IHAVEOPT", uint32(1), uint32(1), "b") // another export than the context was set for
	r.expect(uint64(8192), uint16(1|2|1<<7|1<<8))
	r.say(request, uint16(0), blockStatus, uint64(1), uint64(0), uint32(1))
	r.expectChunk(1<<15|1, 1, uint32(22), uint16(0))
}
