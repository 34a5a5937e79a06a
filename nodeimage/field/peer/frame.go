package peer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"viver/nodeimage/field"
)

const (
	magic = "VFIELD\x00\x02"
	// maxFrame bounds a message: the set of the chunks of a 256 GiB image, in base64.
	maxFrame = 256 << 10
)

var errMagic = errors.New("the other end is no member of a field, or of another version")

// appendFrame appends a message as it is on the wire.
func appendFrame(b []byte, m field.Message) ([]byte, error) {
	payload, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("peer: encode a message: %w", err)
	}
	if len(payload) > maxFrame {
		return nil, fmt.Errorf("peer: a message has %d bytes; %d at most are possible", len(payload), maxFrame)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...), nil
}

// readFrame reads a message.
func readFrame(r io.Reader) (field.Message, error) {
	var header [4]byte
	var m field.Message
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return m, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length > maxFrame {
		return m, fmt.Errorf("peer: a message of %d bytes is announced; %d at most are possible", length, maxFrame)
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return m, fmt.Errorf("peer: half a message: %w", err)
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		return m, fmt.Errorf("peer: decode a message: %w", err)
	}
	return m, nil
}

// greeting is the beginning of a control connection of a member with this ID, which is no longer than 255 bytes: see package gossip.
func greeting(id field.MemberID) []byte {
	return append(append([]byte(magic), byte(len(id))), id...)
}

// readGreeting reads the beginning of a control connection.
func readGreeting(r io.Reader) (field.MemberID, error) {
	var b [len(magic) + 1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("peer: no greeting: %w", err)
	}
	if string(b[:len(magic)]) != magic {
		return "", errMagic
	}
	id := make([]byte, b[len(magic)])
	if _, err := io.ReadFull(r, id); err != nil {
		return "", fmt.Errorf("peer: half a greeting: %w", err)
	}
	return field.MemberID(id), nil
}
