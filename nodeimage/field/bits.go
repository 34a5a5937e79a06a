package field

import (
	"encoding/json"
	"fmt"
	"math/bits"
)

// maxBits bounds a set that comes from outside: 256 GiB in chunks.
const maxBits = 1 << 20

// Bits is a set of chunks of one image: chunk c is in it when bit c%64 of word c/64 is set. The zero value is the empty set of no chunks.
// It is not safe for concurrent use while it is changed.
type Bits []uint64

// NewBits returns an empty set for chunks 0 to n-1.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Has reports whether chunk c is in the set. A chunk that the set has no room for is not.
func (b Bits) Has(c int) bool { return c >= 0 && c/64 < len(b) && b[c/64]>>(c%64)&1 != 0 }

// Set puts chunk c in, or takes it out. A chunk that the set has no room for is ignored.
func (b Bits) Set(c int, in bool) {
	if c < 0 || c/64 >= len(b) {
		return
	}
	if in {
		b[c/64] |= 1 << (c % 64)
	} else {
		b[c/64] &^= 1 << (c % 64)
	}
}

// Count returns how many chunks are in the set.
func (b Bits) Count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// resize returns the set with room for exactly n chunks; what is beyond is not in it any more.
func (b Bits) resize(n int) Bits {
	r := NewBits(n)
	copy(r, b)
	if n%64 != 0 {
		r[len(r)-1] &= 1<<(n%64) - 1
	}
	return r
}

// MarshalJSON writes the set as base64 of its words, the lowest byte first.
func (b Bits) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 8*len(b))
	for _, w := range b {
		for i := range 8 {
			raw = append(raw, byte(w>>(8*i)))
		}
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bits) UnmarshalJSON(data []byte) error {
	var raw []byte
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("field: set of chunks: %w", err)
	}
	if len(raw)%8 != 0 || len(raw) > maxBits/8 {
		return fmt.Errorf("field: a set of chunks has %d bytes: want a multiple of 8, %d at most", len(raw), maxBits/8)
	}
	*b = make(Bits, len(raw)/8)
	for i, v := range raw {
		(*b)[i/8] |= uint64(v) << (i % 8 * 8)
	}
	return nil
}
