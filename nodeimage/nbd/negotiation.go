package nbd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// errGoodbye says that the client ended the session as it should.
var errGoodbye = errors.New("the client said goodbye")

// negotiation is the server's side of a session up to the first request (the protocol, "Fixed newstyle negotiation").
type negotiation struct {
	exports  map[string]Device
	r        *bufio.Reader
	w        io.Writer
	noZeroes bool
}

// run returns the device which the client has chosen.
func (n *negotiation) run() (Device, error) {
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
		device, err := n.option(opt)
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
	if _, err := n.w.Write(hello); err != nil {
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
func (n *negotiation) option(opt option) (Device, error) {
	if opt.length > maxOption {
		return nil, fmt.Errorf("its payload has %d bytes; %d at most are taken", opt.length, maxOption)
	}
	payload := make([]byte, opt.length)
	if _, err := io.ReadFull(n.r, payload); err != nil {
		return nil, fmt.Errorf("read its payload: %w", err)
	}
	switch opt.id {
	case optionExportName:
		return n.exportName(payload)
	case protocol.NEGOTIATION_ID_OPTION_ABORT:
		_ = n.reply(opt.id, protocol.NEGOTIATION_TYPE_REPLY_ACK, nil) // the client need not wait for it
		return nil, errGoodbye
	case protocol.NEGOTIATION_ID_OPTION_LIST:
		return nil, n.list(payload)
	case protocol.NEGOTIATION_ID_OPTION_INFO, protocol.NEGOTIATION_ID_OPTION_GO:
		return n.info(opt.id, payload)
	default: // STARTTLS, STRUCTURED_REPLY and whatever else: the client must live without it
		return nil, n.reply(opt.id, protocol.NEGOTIATION_TYPE_REPLY_ERR_UNSUPPORTED, nil)
	}
}

// exportName answers the oldest way to choose an export, in which there is no other way to refuse than to hang up.
func (n *negotiation) exportName(payload []byte) (Device, error) {
	device, ok := n.exports[string(payload)]
	if !ok {
		return nil, fmt.Errorf("no export %.100q", payload)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(device.Size()))
	b = binary.BigEndian.AppendUint16(b, exportFlags)
	if !n.noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	_, err := n.w.Write(b)
	return device, err
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
	_, err := n.w.Write(appendOptionReply(b, id, protocol.NEGOTIATION_TYPE_REPLY_ACK, nil))
	return err
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
	device, ok := n.exports[name]
	if !ok {
		return nil, n.reply(id, protocol.NEGOTIATION_TYPE_REPLY_ERR_UNKNOWN, fmt.Appendf(nil, "no export %.100q here", name))
	}
	export := binary.BigEndian.AppendUint16(nil, protocol.NEGOTIATION_TYPE_INFO_EXPORT)
	export = binary.BigEndian.AppendUint64(export, uint64(device.Size()))
	export = binary.BigEndian.AppendUint16(export, exportFlags)
	block := binary.BigEndian.AppendUint16(nil, protocol.NEGOTIATION_TYPE_INFO_BLOCKSIZE)
	for _, size := range []uint32{minBlock, preferBlock, maxRequest} {
		block = binary.BigEndian.AppendUint32(block, size)
	}
	b := appendOptionReply(nil, id, protocol.NEGOTIATION_TYPE_REPLY_INFO, export)
	b = appendOptionReply(b, id, protocol.NEGOTIATION_TYPE_REPLY_INFO, block)
	b = appendOptionReply(b, id, protocol.NEGOTIATION_TYPE_REPLY_ACK, nil)
	if _, err := n.w.Write(b); err != nil {
		return nil, err
	}
	if id == protocol.NEGOTIATION_ID_OPTION_INFO {
		return nil, nil
	}
	return device, nil
}

// parseInfo returns the export's name in the payload of INFO or GO: uint32 length, name, uint16 count, count times uint16.
func parseInfo(b []byte) (string, error) {
	if len(b) < 6 {
		return "", errors.New("the option is too short for a name")
	}
	length, rest := binary.BigEndian.Uint32(b), b[4:]
	if uint64(length)+2 > uint64(len(rest)) {
		return "", errors.New("the name is longer than the option")
	}
	name, rest := rest[:length], rest[length:]
	if count := int(binary.BigEndian.Uint16(rest)); len(rest) != 2+2*count {
		return "", errors.New("the number of informations does not fit the option's length")
	}
	return string(name), nil
}

func (n *negotiation) reply(id, kind uint32, payload []byte) error {
	_, err := n.w.Write(appendOptionReply(nil, id, kind, payload))
	return err
}
