package addr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// keyRange is a key, "pc01"; a run of keys, pc01..pc40; or a pattern, pc*.
type keyRange struct {
	from, to string // to is empty but for a run
	quoted   bool   // a key, whatever is in it
}

func (r keyRange) pattern() bool { return !r.quoted && strings.Contains(r.from, "*") }

// key is that of a range which is one key.
func (r keyRange) key() Key {
	if n, err := strconv.Atoi(r.from); err == nil && !r.quoted && n >= 0 && strconv.Itoa(n) == r.from {
		return Number(n)
	}
	return Text(r.from)
}

// has reports whether a key is in the range. A text in quotes is no number.
func (r keyRange) has(k Key) bool {
	_, isText := k.Text()
	s := k.Plain()
	switch {
	case k.IsNone() || r.quoted && !isText:
		return false
	case r.to != "":
		return r.hasInRun(s)
	case r.pattern():
		return matches(r.from, s)
	}
	return r.from == s
}

// hasInRun counts as plans do: the same text, and then a number from the first to the last, with zeros before it if the first has some.
func (r keyRange) hasInRun(s string) bool {
	prefix, first := splitNumber(r.from)
	_, last := splitNumber(r.to)
	mine, digits := splitNumber(s)
	if mine != prefix || digits == "" || padded(digits) && !padded(first) || padded(first) && len(digits) < len(first) {
		return false
	}
	return Natural(first, digits) <= 0 && Natural(digits, last) <= 0
}

func padded(digits string) bool { return len(digits) > 1 && digits[0] == '0' }

func splitNumber(s string) (prefix, digits string) {
	prefix = strings.TrimRight(s, "0123456789")
	return prefix, s[len(prefix):]
}

// matches compares with a pattern in which each star stands for any characters.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok || len(parts) == 1 {
		return ok && s == ""
	}
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// keyRanges reads what follows a bracket, and the bracket that ends it.
func keyRanges(s string) (all []keyRange, rest string, err error) {
	for {
		var r keyRange
		if r, s, err = readKeyRange(strings.TrimLeft(s, " ")); err != nil {
			return nil, s, err
		}
		all = append(all, r)
		s = strings.TrimLeft(s, " ")
		switch {
		case strings.HasPrefix(s, "]"):
			return all, s[1:], nil
		case strings.HasPrefix(s, ","):
			s = s[1:]
		default:
			return nil, s, errors.New("want ] after the key")
		}
	}
}

func readKeyRange(s string) (r keyRange, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return r, s, fmt.Errorf("key %s: its quotes do not end", s)
		}
		r.quoted = true
		r.from, err = strconv.Unquote(quoted)
		return r, s[len(quoted):], err
	}
	end := strings.IndexAny(s, `],"`)
	if end < 0 {
		return r, s, errors.New("want ] after the key")
	}
	text, rest := strings.TrimRight(s[:end], " "), s[end:]
	from, to, isRun := strings.Cut(text, "..")
	switch prefix, first := splitNumber(from); {
	case text == "":
		return r, s, errors.New("want a key between [ and ]")
	case isRun:
		other, last := splitNumber(to)
		if first == "" || last == "" || prefix != other || Natural(first, last) > 0 {
			return r, s, fmt.Errorf("%s is no run of keys: write one like 0..3 or pc01..pc40", text)
		}
	}
	return keyRange{from: from, to: to}, rest, nil
}
