package nbd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ContextHeld is the meta context that says which ranges of an export this very server has at hand, and need not fetch from another:
// status 1 is held, 0 is not. `nbdinfo --map=viver:held` shows it.
const ContextHeld = "viver:held"

const (
	heldNamespace = "viver:"
	heldID        = uint32(1) // of the one context that there is
	maxRanges     = 8192      // looked at for one reply; who wants to know more asks again from where it ends
)

// Holder is a Device that does not have all of its bytes at hand.
type Holder interface {
	Device
	// Held reports whether the byte at off is at hand, and for how many bytes from there on the same holds: at least one, and beyond the
	// end if it likes. It does not wait. It is never asked for an offset beyond the end.
	Held(off int64) (held bool, length int64)
}

// metaContext answers LIST_META_CONTEXT and SET_META_CONTEXT.
func (n *negotiation) metaContext(id uint32, payload []byte) error {
	if !n.replies.structured {
		return n.reply(id, replyErrInvalid, []byte("structured replies must be asked for before"))
	}
	name, queries, err := parseMetaContext(payload)
	if err != nil {
		return n.reply(id, replyErrInvalid, []byte(err.Error()))
	}
	if _, ok := n.exports[string(name)]; !ok {
		return n.unknown(id, name)
	}
	list := id == optionListMetaContext
	found := list && len(queries) == 0
	for _, q := range queries {
		found = found || string(q) == ContextHeld || list && string(q) == heldNamespace
	}
	if !list {
		n.replies.held, n.heldOf = found, string(name)
	}
	var b []byte
	if found {
		b = appendOptionReply(b, id, replyMetaContext, append(binary.BigEndian.AppendUint32(nil, heldID), ContextHeld...))
	}
	return n.send(appendOptionReply(b, id, replyACK, nil))
}

// parseMetaContext returns the export's name and the queries: uint32 length, name, uint32 count, count times uint32 length, query.
func parseMetaContext(b []byte) (name []byte, queries [][]byte, err error) {
	if name, b, err = cutString(b); err != nil {
		return nil, nil, err
	}
	if len(b) < 4 {
		return nil, nil, errors.New("the option is too short for a number of queries")
	}
	count, b := binary.BigEndian.Uint32(b), b[4:]
	if uint64(count)*4 > uint64(len(b)) {
		return nil, nil, fmt.Errorf("the option has no room for %d queries", count)
	}
	queries = make([][]byte, count)
	for i := range queries {
		if queries[i], b, err = cutString(b); err != nil {
			return nil, nil, err
		}
	}
	if len(b) > 0 {
		return nil, nil, errors.New("the option is longer than its queries")
	}
	return name, queries, nil
}

// cutString takes a string off b: uint32 length, string.
func cutString(b []byte) (s, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("the option is too short for a name")
	}
	length, rest := binary.BigEndian.Uint32(b), b[4:]
	if uint64(length) > uint64(len(rest)) {
		return nil, nil, errors.New("the name is longer than the option")
	}
	return rest[:length], rest[length:], nil
}

// status is the reply to a BLOCK_STATUS request that is in order: extents of d, which together are as long as the request or shorter.
func status(r request, d Device) []byte {
	b := make([]byte, chunkSize, chunkSize+4+8)
	b = binary.BigEndian.AppendUint32(b, heldID)
	off, end := int64(r.offset), int64(r.offset)+int64(r.length)
	var last, length uint32 // of the extent that grows
	for range maxRanges {
		held, n := heldAt(d, off, end)
		if length > 0 && held != last {
			b = appendExtent(b, length, last)
			if length = 0; r.flags&commandFlagReqOne != 0 {
				break
			}
		}
		last, length, off = held, length+uint32(n), off+n
		if off == end {
			break
		}
	}
	if length > 0 {
		b = appendExtent(b, length, last)
	}
	putChunk(b, chunkBlockStatus, r.cookie, uint32(len(b)-chunkSize))
	return b
}

// heldAt returns the status at off and for how many bytes it holds, up to end. What is no Holder has all.
func heldAt(d Device, off, end int64) (held uint32, length int64) {
	holder, ok := d.(Holder)
	if !ok {
		return 1, end - off
	}
	has, length := holder.Held(off)
	if has {
		held = 1
	}
	return held, min(max(length, 1), end-off)
}

func appendExtent(b []byte, length, status uint32) []byte {
	b = binary.BigEndian.AppendUint32(b, length)
	return binary.BigEndian.AppendUint32(b, status)
}
