package nbd

import (
	"encoding/binary"
	"fmt"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// Bounds on what a peer may ask for or send, so that its lengths never decide how much memory is used.
const (
	maxName     = 4096     // bytes of an export's name: the protocol's own limit for strings
	maxOption   = 64 << 10 // bytes of an option's payload that are read, if only to be thrown away
	maxRequest  = 32 << 20 // bytes of one read; told to clients as the maximum block size
	maxReply    = 64 << 10 // bytes of a reply to an option that the client reads
	minBlock    = 1
	preferBlock = 4096
)

// What github.com/pojntfx/go-nbd/pkg/protocol leaves out.
const (
	handshakeNoZeroes = uint16(1 << 1) // the same bit in the server's and the client's flags

	optionExportName      = uint32(1)
	optionStartTLS        = uint32(5)
	optionStructuredReply = uint32(8)
	optionListMetaContext = uint32(9)
	optionSetMetaContext  = uint32(10)

	replyACK         = uint32(protocol.NEGOTIATION_TYPE_REPLY_ACK)
	replyMetaContext = uint32(4)

	replyErrPolicy  = uint32(2 | 1<<31)
	replyErrInvalid = uint32(3 | 1<<31)
	replyErrTooBig  = uint32(9 | 1<<31)
	replyErrTLS     = uint32(5 | 1<<31)

	flagReadOnly = uint16(1 << 1)
	flagSendDF   = uint16(1 << 7) // with structured replies only

	commandFlagDF     = uint16(1 << 2) // do not fragment: all the data in one chunk, which this server does anyway
	commandFlagReqOne = uint16(1 << 3) // one extent is enough

	commandTrim        = uint16(4)
	commandWriteZeroes = uint16(6)
	commandBlockStatus = uint16(7)

	errnoEIO = uint32(5)
)

// request is the header of a transmission request:
//
//	0  uint32  magic 0x25609513
//	4  uint16  command flags
//	6  uint16  command
//	8  uint64  cookie, repeated in the reply
//	16 uint64  offset
//	24 uint32  length
type request struct {
	flags   uint16
	command uint16
	cookie  uint64
	offset  uint64
	length  uint32
}

const requestSize = 28

func parseRequest(b []byte) (request, error) {
	if magic := binary.BigEndian.Uint32(b); magic != protocol.TRANSMISSION_MAGIC_REQUEST {
		return request{}, fmt.Errorf("a request starts with %#08x, not with %#08x", magic, protocol.TRANSMISSION_MAGIC_REQUEST)
	}
	return request{
		flags:   binary.BigEndian.Uint16(b[4:]),
		command: binary.BigEndian.Uint16(b[6:]),
		cookie:  binary.BigEndian.Uint64(b[8:]),
		offset:  binary.BigEndian.Uint64(b[16:]),
		length:  binary.BigEndian.Uint32(b[24:]),
	}, nil
}

func (r request) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, protocol.TRANSMISSION_MAGIC_REQUEST)
	b = binary.BigEndian.AppendUint16(b, r.flags)
	b = binary.BigEndian.AppendUint16(b, r.command)
	b = binary.BigEndian.AppendUint64(b, r.cookie)
	b = binary.BigEndian.AppendUint64(b, r.offset)
	return binary.BigEndian.AppendUint32(b, r.length)
}

// A simple reply, which the data of a successful read follow:
//
//	0  uint32  magic 0x67446698
//	4  uint32  error number, 0 for success
//	8  uint64  cookie of the request
const replySize = 16

func putReply(b []byte, cookie uint64, errno uint32) {
	binary.BigEndian.PutUint32(b, protocol.TRANSMISSION_MAGIC_REPLY)
	binary.BigEndian.PutUint32(b[4:], errno)
	binary.BigEndian.PutUint64(b[8:], cookie)
}

// option is the header of what a client asks for before transmission; length bytes of payload follow:
//
//	0  uint64  magic "IHAVEOPT"
//	8  uint32  option
//	12 uint32  length
type option struct {
	id     uint32
	length uint32
}

const optionSize = 16

func parseOption(b []byte) (option, error) {
	if magic := binary.BigEndian.Uint64(b); magic != protocol.NEGOTIATION_MAGIC_OPTION {
		return option{}, fmt.Errorf("an option starts with %#016x, not with IHAVEOPT", magic)
	}
	return option{id: binary.BigEndian.Uint32(b[8:]), length: binary.BigEndian.Uint32(b[12:])}, nil
}

func appendOption(b []byte, id uint32, payload []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, protocol.NEGOTIATION_MAGIC_OPTION)
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// optionReply is the header of an answer to an option; length bytes of payload follow:
//
//	0  uint64  magic 0x3e889045565a9
//	8  uint32  option
//	12 uint32  type: ACK, SERVER, INFO, or an error with bit 31 set
//	16 uint32  length
type optionReply struct {
	id     uint32
	kind   uint32
	length uint32
}

const optionReplySize = 20

func parseOptionReply(b []byte) (optionReply, error) {
	if magic := binary.BigEndian.Uint64(b); magic != protocol.NEGOTIATION_MAGIC_REPLY {
		return optionReply{}, fmt.Errorf("the answer to an option starts with %#016x, not with %#016x", magic, protocol.NEGOTIATION_MAGIC_REPLY)
	}
	return optionReply{
		id:     binary.BigEndian.Uint32(b[8:]),
		kind:   binary.BigEndian.Uint32(b[12:]),
		length: binary.BigEndian.Uint32(b[16:]),
	}, nil
}

func appendOptionReply(b []byte, id, kind uint32, payload []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, protocol.NEGOTIATION_MAGIC_REPLY)
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint32(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}
