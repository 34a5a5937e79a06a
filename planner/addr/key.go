package addr

import "strconv"

// Key tells the instances of one block apart. The zero Key is that of a block without count and for_each. Keys are comparable.
type Key struct {
	kind   keyKind
	number int
	text   string
}

type keyKind int

const (
	noKey keyKind = iota
	numberKey
	textKey
)

// Number returns the key of an instance by count, or of a step's instance on such a machine.
func Number(n int) Key { return Key{kind: numberKey, number: n} }

// Text returns the key of an instance by for_each.
func Text(s string) Key { return Key{kind: textKey, text: s} }

// IsNone reports whether k is the zero Key.
func (k Key) IsNone() bool { return k.kind == noKey }

// Number returns the number of a key made by Number.
func (k Key) Number() (n int, ok bool) { return k.number, k.kind == numberKey }

// Text returns the string of a key made by Text.
func (k Key) Text() (s string, ok bool) { return k.text, k.kind == textKey }

// String returns the key as it stands in an address, `[0]` or `["a"]`; nothing for the zero Key.
func (k Key) String() string {
	switch k.kind {
	case numberKey:
		return "[" + strconv.Itoa(k.number) + "]"
	case textKey:
		return "[" + strconv.Quote(k.text) + "]"
	default:
		return ""
	}
}

// Plain returns the key without brackets and quotes, for people: "0", "a".
func (k Key) Plain() string {
	if k.kind == numberKey {
		return strconv.Itoa(k.number)
	}
	return k.text
}
