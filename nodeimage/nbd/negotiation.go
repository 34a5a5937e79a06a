package nbd

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// negotiationTime is how long a client may take until it reads its first block.
const negotiationTime = 30 * time.Second

// errGoodbye says that the client ended the session as it should.
var errGoodbye = errors.New("the client said goodbye")

// negotiation is the server's side of a session up to the first request (the protocol, "Fixed newstyle negotiation").
type negotiation struct {
	exports  map[string]Device
	tls      *tls.Config // nil: there is no TLS
	needTLS  bool
	conn     net.Conn // under TLS from STARTTLS on
	r        *bufio.Reader
	noZeroes bool

	encrypted bool
	replies   replies
	heldOf    string // the export that replies.held is of
}

// timed is run within negotiationTime.
func (n *negotiation) timed(ctx context.Context) (Device, error) {
	conn := n.conn // without TLS
	if err := conn.SetDeadline(time.Now().Add(negotiationTime)); err != nil {
		return nil, err
	}
	device, err := n.run(ctx)
	if err != nil {
		return nil, err
	}
	return device, conn.SetDeadline(time.Time{})
}

// run returns the device which the client has chosen.
func (n *negotiation) run(ctx context.Context) (Device, error) {
	if err := n.greet(); err != nil {
		return nil, err
	}
	var header [optionSize]byte
	for {
		if _, err := io.ReadFull(n.r, header[:]); errors.Is(err, io.EOF) {
			return nil, errGoodbye // many a client that only looked at the list leaves like this
		} else if err != nil {
			return nil, fmt.Errorf("read an option: %w", err)
		}
		opt, err := parseOption(header[:])
		if err != nil {
			return nil, err
		}
		device, err := n.option(ctx, opt)
		if err != nil {
			return nil, fmt.Errorf("option %d: %w", opt.id, err)
		}
		if device != nil {
			return device, nil
		}
	}
}

// greet sends "NBDMAGIC", "IHAVEOPT" and the server's flags, and reads the client's flags.
func (n *negotiation) greet() error {
	hello := binary.BigEndian.AppendUint64(nil, protocol.NEGOTIATION_MAGIC_OLDSTYLE)
	hello = binary.BigEndian.AppendUint64(hello, protocol.NEGOTIATION_MAGIC_OPTION)
	hello = binary.BigEndian.AppendUint16(hello, protocol.NEGOTIATION_HANDSHAKE_FLAG_FIXED_NEWSTYLE|handshakeNoZeroes)
	if _, err := n.conn.Write(hello); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	var b [4]byte
	if _, err := io.ReadFull(n.r, b[:]); errors.Is(err, io.EOF) {
		return errGoodbye // somebody only looked whether the port is open
	} else if err != nil {
		return fmt.Errorf("read the client's flags: %w", err)
	}
	flags := binary.BigEndian.Uint32(b[:])
	known := uint32(protocol.NEGOTIATION_HANDSHAKE_FLAG_FIXED_NEWSTYLE | handshakeNoZeroes)
	if flags&^known != 0 {
		return fmt.Errorf("the client sets flags %#x, of which only %#x are known", flags, known)
	}
	n.noZeroes = flags&uint32(handshakeNoZeroes) != 0
	return nil
}

// option answers one option. It returns a device when the transmission begins.
func (n *negotiation) option(ctx context.Context, opt option) (Device, error) {
	if opt.length > maxOption {
		return nil, fmt.Errorf("its payload has %d bytes; %d at most are taken", opt.length, maxOption)
	}
	if n.needTLS && !n.encrypted && opt.id != optionStartTLS && opt.id != protocol.NEGOTIATION_ID_OPTION_ABORT {
		return nil, n.wantTLS(opt)
	}
	payload := make([]byte, opt.length)
	if _, err := io.ReadFull(n.r, payload); err != nil {
		return nil, fmt.Errorf("read its payload: %w", err)
	}
	switch opt.id {
	case optionExportName:
		return n.exportName(payload)
	case protocol.NEGOTIATION_ID_OPTION_ABORT:
		_ = n.reply(opt.id, replyACK, nil) // the client need not wait for it
		return nil, errGoodbye
	case protocol.NEGOTIATION_ID_OPTION_LIST:
		return nil, n.list(payload)
	case protocol.NEGOTIATION_ID_OPTION_INFO, protocol.NEGOTIATION_ID_OPTION_GO:
		return n.info(opt.id, payload)
	case optionStartTLS:
		return nil, n.startTLS(ctx, payload)
	case optionStructuredReply:
		return nil, n.structuredReply(payload)
	case optionListMetaContext, optionSetMetaContext:
		return nil, n.metaContext(opt.id, payload)
	default: // the client must live without it
		return nil, n.reply(opt.id, protocol.NEGOTIATION_TYPE_REPLY_ERR_UNSUPPORTED, nil)
	}
}

// wantTLS refuses an option of a client that must ask for TLS first. Nothing of it is kept: nobody knows yet who that is.
func (n *negotiation) wantTLS(opt option) error {
	if opt.id == optionExportName {
		return errors.New("the client chooses an export without TLS, which is needed here")
	}
	if _, err := n.r.Discard(int(opt.length)); err != nil {
		return fmt.Errorf("read its payload: %w", err)
	}
	return n.reply(opt.id, replyErrTLS, []byte("this server wants TLS"))
}

func (n *negotiation) structuredReply(payload []byte) error {
	if len(payload) > 0 {
		return n.reply(optionStructuredReply, replyErrInvalid, []byte("structured replies are asked for without payload"))
	}
	n.replies.structured = true
	return n.reply(optionStructuredReply, replyACK, nil)
}

// exportName answers the oldest way to choose an export, in which there is no other way to refuse than to hang up.
func (n *negotiation) exportName(payload []byte) (Device, error) {
	device, ok := n.exports[string(payload)]
	if !ok {
		return nil, fmt.Errorf("no export %.100q", payload)
	}
	n.chosen(string(payload))
	b := binary.BigEndian.AppendUint64(nil, uint64(device.Size()))
	b = binary.BigEndian.AppendUint16(b, n.exportFlags())
	if !n.noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	return device, n.send(b)
}

// chosen forgets a meta context that was asked for of another export than the one that is read now.
func (n *negotiation) chosen(name string) {
	n.replies.held = n.replies.held && n.heldOf == name
}

func (n *negotiation) exportFlags() uint16 {
	flags := protocol.NEGOTIATION_REPLY_FLAGS_HAS_FLAGS | flagReadOnly | protocol.NEGOTIATION_REPLY_FLAGS_CAN_MULTI_CONN
	if n.replies.structured {
		flags |= flagSendDF
	}
	return flags
}

// list names all exports.
func (n *negotiation) list(payload []byte) error {
	const id = protocol.NEGOTIATION_ID_OPTION_LIST
	if len(payload) > 0 {
		return n.reply(id, replyErrInvalid, []byte("a list is asked for without payload"))
	}
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(n.exports)) {
		entry := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
		b = appendOptionReply(b, id, protocol.NEGOTIATION_TYPE_REPLY_SERVER, append(entry, name...))
	}
	return n.send(appendOptionReply(b, id, replyACK, nil))
}

// info answers INFO and GO, which differ only in what follows. The informations that the client asks for are ignored: it
// gets the two that matter, as the protocol allows.
func (n *negotiation) info(id uint32, payload []byte) (Device, error) {
	name, err := parseInfo(payload)
	if err != nil {
		return nil, n.reply(id, replyErrInvalid, []byte(err.Error()))
	}
	if len(name) > maxName {
		return nil, n.reply(id, replyErrTooBig, nil)
	}
	device, ok := n.exports[string(name)]
	if !ok {
		return nil, n.unknown(id, name)
	}
	export := binary.BigEndian.AppendUint16(nil, protocol.NEGOTIATION_TYPE_INFO_EXPORT)
	export = binary.BigEndian.AppendUint64(export, uint64(device.Size()))
	export = binary.BigEndian.AppendUint16(export, n.exportFlags())
	block := binary.BigEndian.AppendUint16(nil, protocol.NEGOTIATION_TYPE_INFO_BLOCKSIZE)
	for _, size := range []uint32{minBlock, preferBlock, maxRequest} {
		block = binary.BigEndian.AppendUint32(block, size)
	}
	b := appendOptionReply(nil, id, protocol.NEGOTIATION_TYPE_REPLY_INFO, export)
	b = appendOptionReply(b, id, protocol.NEGOTIATION_TYPE_REPLY_INFO, block)
	if err := n.send(appendOptionReply(b, id, replyACK, nil)); err != nil || id == protocol.NEGOTIATION_ID_OPTION_INFO {
		return nil, err
	}
	n.chosen(string(name))
	return device, nil
}

// parseInfo returns the export's name in the payload of INFO or GO: uint32 length, name, uint16 count, count times uint16.
func parseInfo(b []byte) ([]byte, error) {
	name, b, err := cutString(b)
	if err != nil {
		return nil, err
	}
	if len(b) < 2 || len(b) != 2+2*int(binary.BigEndian.Uint16(b)) {
		return nil, errors.New("the number of informations does not fit the option's length")
	}
	return name, nil
}

func (n *negotiation) unknown(id uint32, name []byte) error {
	return n.reply(id, protocol.NEGOTIATION_TYPE_REPLY_ERR_UNKNOWN, fmt.Appendf(nil, "no export %.100q here", name))
}

func (n *negotiation) reply(id, kind uint32, payload []byte) error {
	return n.send(appendOptionReply(nil, id, kind, payload))
}

func (n *negotiation) send(b []byte) error {
	_, err := n.conn.Write(b)
	return err
}
