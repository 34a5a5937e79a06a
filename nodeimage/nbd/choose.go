package nbd

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

const (
	// maxReplies is how many replies to one option the client reads.
	maxReplies = 64
	// replyBuffer holds a reply of the usual length, in bytes.
	replyBuffer = 256 << 10
)

// exportInfo is what the client learns of an export.
type exportInfo struct {
	size     int64
	maxBlock int // bytes of the longest read
}

// open is the client's side of a session up to the first request: it opens the export with this name, under TLS if config is not nil. It
// returns the connection that is to be used from then on, and its reader.
func open(ctx context.Context, conn net.Conn, name string, config *tls.Config) (net.Conn, *bufio.Reader, exportInfo, error) {
	if len(name) > maxName {
		return nil, nil, exportInfo{}, fmt.Errorf("the name has %d bytes; %d at most are possible", len(name), maxName)
	}
	r := bufio.NewReaderSize(conn, replyBuffer)
	flags, err := readGreeting(r)
	if err != nil {
		return nil, nil, exportInfo{}, err
	}
	hello := binary.BigEndian.AppendUint32(nil, uint32(flags))
	if config != nil {
		if conn, err = startTLS(ctx, conn, r, hello, config); err != nil {
			return nil, nil, exportInfo{}, err
		}
		r.Reset(conn)
		hello = nil
	}
	info, err := choose(r, conn, hello, name)
	return conn, r, info, err
}

// choose asks for the export with this name, behind what is to be said before.
func choose(r io.Reader, w io.Writer, before []byte, name string) (exportInfo, error) {
	if _, err := w.Write(appendOption(before, protocol.NEGOTIATION_ID_OPTION_GO, infoPayload(name))); err != nil {
		return exportInfo{}, err
	}
	info := exportInfo{size: -1, maxBlock: maxRequest}
	for range maxReplies {
		done, err := info.readReply(r)
		if err != nil || done {
			return info, err
		}
	}
	return exportInfo{}, fmt.Errorf("the server sends more than %d replies", maxReplies)
}

// readGreeting returns the flags to answer with.
func readGreeting(r io.Reader) (uint16, error) {
	var b [18]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, fmt.Errorf("no greeting: %w", err)
	}
	if binary.BigEndian.Uint64(b[:]) != protocol.NEGOTIATION_MAGIC_OLDSTYLE || binary.BigEndian.Uint64(b[8:]) != protocol.NEGOTIATION_MAGIC_OPTION {
		return 0, errors.New("this is no NBD server of the newstyle protocol")
	}
	flags := binary.BigEndian.Uint16(b[16:])
	if flags&protocol.NEGOTIATION_HANDSHAKE_FLAG_FIXED_NEWSTYLE == 0 {
		return 0, errors.New("the server is too old: it does not know the fixed newstyle protocol")
	}
	return flags & (protocol.NEGOTIATION_HANDSHAKE_FLAG_FIXED_NEWSTYLE | handshakeNoZeroes), nil
}

// infoPayload asks for an export and the block sizes of it, which the client thereby promises to keep to.
func infoPayload(name string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint16(b, 1)
	return binary.BigEndian.AppendUint16(b, protocol.NEGOTIATION_TYPE_INFO_BLOCKSIZE)
}

// readReply reads one reply to GO; it reports true when that was the last and the transmission begins.
func (e *exportInfo) readReply(r io.Reader) (bool, error) {
	var header [optionReplySize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return false, fmt.Errorf("no reply: %w", err)
	}
	reply, err := parseOptionReply(header[:])
	if err != nil {
		return false, err
	}
	if reply.id != protocol.NEGOTIATION_ID_OPTION_GO || reply.length > maxReply {
		return false, fmt.Errorf("a reply to option %d of %d bytes, which was not asked for", reply.id, reply.length)
	}
	payload := make([]byte, reply.length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return false, fmt.Errorf("half a reply: %w", err)
	}
	switch reply.kind {
	case protocol.NEGOTIATION_TYPE_REPLY_ACK:
		if e.size < 0 {
			return false, errors.New("the server does not say how large the export is")
		}
		return true, nil
	case protocol.NEGOTIATION_TYPE_REPLY_INFO:
		return false, e.take(payload)
	default:
		return false, refusal(reply.kind, payload)
	}
}

// take reads one piece of information; those of other kinds mean nothing to this client.
func (e *exportInfo) take(b []byte) error {
	if len(b) < 2 {
		return errors.New("an information without type")
	}
	kind, b := binary.BigEndian.Uint16(b), b[2:]
	switch {
	case kind == protocol.NEGOTIATION_TYPE_INFO_EXPORT && len(b) == 10:
		size := binary.BigEndian.Uint64(b)
		if size > math.MaxInt64 {
			return fmt.Errorf("the server says that the export has %d bytes", size)
		}
		e.size = int64(size)
	case kind == protocol.NEGOTIATION_TYPE_INFO_BLOCKSIZE && len(b) == 12:
		smallest, largest := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[8:])
		if smallest > preferBlock || largest < preferBlock {
			return fmt.Errorf("the server wants reads of %d to %d bytes; this client reads multiples of %d", smallest, largest, preferBlock)
		}
		e.maxBlock = int(min(largest, maxRequest)) &^ (preferBlock - 1)
	case kind == protocol.NEGOTIATION_TYPE_INFO_EXPORT || kind == protocol.NEGOTIATION_TYPE_INFO_BLOCKSIZE:
		return fmt.Errorf("an information of type %d with %d bytes", kind, len(b))
	}
	return nil
}

// refusal is the server's error in words.
func refusal(kind uint32, text []byte) error {
	what := fmt.Sprintf("the server refuses with reply %#x", kind)
	switch kind {
	case protocol.NEGOTIATION_TYPE_REPLY_ERR_UNKNOWN:
		what = ErrNoExport.Error()
	case protocol.NEGOTIATION_TYPE_REPLY_ERR_UNSUPPORTED:
		what = "the server is too old: it does not know the option GO"
	case replyErrPolicy:
		what = "the server refuses this client"
	case replyErrTLS:
		what = "the server wants TLS"
	}
	if len(text) > 0 {
		what = fmt.Sprintf("%s: %.200q", what, text)
	}
	return refusalError{kind, what}
}

// ErrNoExport is what opening an export wraps that the server does not have.
var ErrNoExport = errors.New("the server has no such export")

// refusalError is a server's refusal.
type refusalError struct {
	kind uint32
	what string
}

func (e refusalError) Error() string { return e.what }

func (e refusalError) Is(target error) bool {
	return target == ErrNoExport && e.kind == protocol.NEGOTIATION_TYPE_REPLY_ERR_UNKNOWN
}
