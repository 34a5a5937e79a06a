package gossip

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// Bounds of a description, in bytes. All of it has to stay below memberlist.MetaMaxSize, 512.
const (
	maxID      = 120
	maxAddress = 100
)

// A member's description goes with its ID, of which the name is the part before the last slash:
//
//	0  uint8    version, 1
//	1  uint8    flags: 1 seed, 2 leaving
//	2  uvarint  share, bytes
//	   uint8 length, Blocks; uint8 length, Control
//	   uint64   complete
//	   32 bytes digest of the image that it runs, or nothing
const (
	version     = 1
	flagSeed    = 1 << 0
	flagLeaving = 1 << 1
)

// encode describes m; it refuses one that decode would not give back.
func encode(m field.Member) ([]byte, error) {
	name, err := nameOf(m.ID)
	switch {
	case err != nil:
		return nil, err
	case name != m.Name:
		return nil, fmt.Errorf("gossip: the ID %q is not that of a machine named %q", m.ID, m.Name)
	case m.Share < 0:
		return nil, fmt.Errorf("gossip: member %s: a share of %d bytes", m.ID, m.Share)
	case m.Runs != "" && !isDigest(m.Runs):
		return nil, fmt.Errorf("gossip: member %s: it runs the image %.100q, which is none", m.ID, m.Runs)
	case !isText(m.Blocks, maxAddress) || !isText(m.Control, maxAddress):
		return nil, fmt.Errorf("gossip: member %s: an address (%.20q..., %.20q...) is longer than %d bytes, or none", m.ID, m.Blocks, m.Control, maxAddress)
	}
	flags := byte(0)
	if m.Seed {
		flags |= flagSeed
	}
	if m.Leaving {
		flags |= flagLeaving
	}
	b := binary.AppendUvarint([]byte{version, flags}, uint64(m.Share))
	b = append(append(b, byte(len(m.Blocks))), m.Blocks...)
	b = append(append(b, byte(len(m.Control))), m.Control...)
	b = binary.BigEndian.AppendUint64(b, m.Complete)
	digits, _ := m.Runs.Hex() // none, or those of a digest
	image, _ := hex.DecodeString(digits)
	return append(b, image...), nil
}

func isDigest(d spec.Digest) bool {
	_, err := d.Hex()
	return err == nil
}

var errDescription = errors.New("gossip: this is no description of a member")

// decode reads the description of the member with this ID.
func decode(id field.MemberID, b []byte) (m field.Member, err error) {
	m.ID = id
	if m.Name, err = nameOf(id); err != nil {
		return field.Member{}, err
	}
	if len(b) < 2 || b[0] != version || b[1]&^(flagSeed|flagLeaving) != 0 {
		return field.Member{}, errDescription
	}
	m.Seed, m.Leaving = b[1]&flagSeed != 0, b[1]&flagLeaving != 0
	share, n := binary.Uvarint(b[2:])
	if n <= 0 || share > math.MaxInt64 {
		return field.Member{}, errDescription
	}
	m.Share, b = int64(share), b[2+n:]
	for _, s := range []*string{&m.Blocks, &m.Control} {
		if len(b) == 0 || len(b) <= int(b[0]) {
			return field.Member{}, errDescription
		}
		*s, b = string(b[1:1+b[0]]), b[1+b[0]:]
		if !isText(*s, maxAddress) {
			return field.Member{}, errDescription
		}
	}
	if len(b) != 8 && len(b) != 8+sha256.Size {
		return field.Member{}, errDescription
	}
	if m.Complete, b = binary.BigEndian.Uint64(b), b[8:]; len(b) > 0 {
		m.Runs = spec.Digest("sha256:" + hex.EncodeToString(b))
	}
	return m, nil
}

func nameOf(id field.MemberID) (string, error) {
	i := strings.LastIndexByte(string(id), '/')
	if i <= 0 || i == len(id)-1 || !isText(string(id), maxID) {
		return "", fmt.Errorf("gossip: %.*q is no member's ID: want a name, a slash and the boot's ID, %d bytes at most", maxID, string(id), maxID)
	}
	return string(id[:i]), nil
}

// isText reports whether s can stand on a terminal.
func isText(s string, limit int) bool {
	return len(s) <= limit && strings.IndexFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsGraphic(r) }) < 0
}
