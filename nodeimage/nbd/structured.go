package nbd

import (
	"encoding/binary"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// A chunk of a structured reply, which a client gets that has asked for such; length bytes of payload follow:
//
//	0  uint32  magic 0x668e33ef
//	4  uint16  flags: 1, this is the last chunk of the reply
//	6  uint16  type
//	8  uint64  cookie of the request
//	16 uint32  length
const (
	chunkSize  = 20
	chunkMagic = uint32(0x668e33ef)
	chunkDone  = uint16(1)

	chunkNone        = uint16(0)         // no payload
	chunkData        = uint16(1)         // uint64 offset, data
	chunkBlockStatus = uint16(5)         // uint32 context, then extents: uint32 length, uint32 status
	chunkError       = uint16(1<<15 | 1) // uint32 error number, uint16 length of a message, message

	// headerSize is that of the longest header of a reply to a read: a chunk's with an offset.
	headerSize = chunkSize + 8
)

func putChunk(b []byte, kind uint16, cookie uint64, length uint32) {
	binary.BigEndian.PutUint32(b, chunkMagic)
	binary.BigEndian.PutUint16(b[4:], chunkDone)
	binary.BigEndian.PutUint16(b[6:], kind)
	binary.BigEndian.PutUint64(b[8:], cookie)
	binary.BigEndian.PutUint32(b[16:], length)
}

// replies is the form of the replies to one client.
type replies struct {
	structured bool
	held       bool // the client may ask which ranges are held; structured is true then
}

// check returns the error number with which a read-only export of this size answers r; 0: r is a read or a question that is to be answered.
func (f replies) check(r request, size int64) uint32 {
	longest, flags := uint32(maxRequest), commandFlagDF
	switch r.command {
	case protocol.TRANSMISSION_TYPE_REQUEST_READ:
	case commandBlockStatus:
		if !f.held || r.length == 0 {
			return protocol.TRANSMISSION_ERROR_EINVAL
		}
		longest, flags = 1<<32-1, commandFlagReqOne
	case protocol.TRANSMISSION_TYPE_REQUEST_WRITE, commandTrim, commandWriteZeroes:
		return protocol.TRANSMISSION_ERROR_EPERM
	default:
		return protocol.TRANSMISSION_ERROR_EINVAL
	}
	if !f.structured {
		flags = 0
	}
	total := uint64(size)
	if r.flags&(commandFlagDF|commandFlagReqOne)&^flags != 0 || r.length > longest || r.offset > total || uint64(r.length) > total-r.offset {
		return protocol.TRANSMISSION_ERROR_EINVAL
	}
	return 0
}

// header returns what the reply to r begins with, or all of it if errno is not 0, made in b of at least headerSize bytes.
func (f replies) header(b []byte, r request, errno uint32) []byte {
	switch {
	case !f.structured:
		putReply(b, r.cookie, errno)
		return b[:replySize]
	case errno != 0:
		putChunk(b, chunkError, r.cookie, 6)
		binary.BigEndian.PutUint32(b[chunkSize:], errno)
		binary.BigEndian.PutUint16(b[chunkSize+4:], 0)
		return b[:chunkSize+6]
	case r.length == 0 || r.command != protocol.TRANSMISSION_TYPE_REQUEST_READ:
		putChunk(b, chunkNone, r.cookie, 0)
		return b[:chunkSize]
	}
	putChunk(b, chunkData, r.cookie, 8+r.length)
	binary.BigEndian.PutUint64(b[chunkSize:], r.offset)
	return b[:headerSize]
}
