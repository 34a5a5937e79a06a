package addr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Parse reads an address as String writes it. Errors quote the address and say which part is wrong.
func Parse(s string) (Instance, error) {
	i, rest, err := parse(s)
	switch {
	case err != nil:
		return Instance{}, fmt.Errorf("address %q: %w", s, err)
	case rest != "":
		return Instance{}, fmt.Errorf("address %q: %q follows its end", s, rest)
	}
	return i, nil
}

func parse(s string) (i Instance, rest string, err error) {
	if i.Type, s, err = word(s); err != nil {
		return i, s, err
	}
	for i.Type == "pac" {
		var c Call
		if c.Name, c.Key, s, err = nameAndKey(s); err != nil {
			return i, s, err
		}
		i.Module = append(i.Module, c)
		if s, err = dot(s); err != nil {
			return i, s, fmt.Errorf("it names a Pac, not an instance in it: %w", err)
		}
		if i.Type, s, err = word(s); err != nil {
			return i, s, err
		}
	}
	if i.Type == strings.TrimSuffix(StepPrefix, ".") {
		var t string
		if s, err = dot(s); err == nil {
			t, s, err = word(s)
		}
		if err != nil {
			return i, s, fmt.Errorf("type of a step: %w", err)
		}
		i.Type = StepPrefix + t
	}
	i.Name, i.Key, s, err = nameAndKey(s)
	return i, s, err
}

func nameAndKey(s string) (name string, k Key, rest string, err error) {
	if s, err = dot(s); err != nil {
		return "", Key{}, s, err
	}
	if name, s, err = word(s); err != nil {
		return "", Key{}, s, err
	}
	k, s, err = key(s)
	return name, k, s, err
}

func dot(s string) (rest string, err error) {
	rest, ok := strings.CutPrefix(s, ".")
	if !ok {
		return s, fmt.Errorf("want a dot and a name before %q", s)
	}
	return rest, nil
}

func word(s string) (w, rest string, err error) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	if !hclsyntax.ValidIdentifier(s[:end]) {
		return "", s, fmt.Errorf("%q is not a name", s[:end])
	}
	return s[:end], s[end:], nil
}

// key reads `[0]` or `["a"]` where s begins with a bracket; the zero Key otherwise.
func key(s string) (k Key, rest string, err error) {
	s, ok := strings.CutPrefix(s, "[")
	if !ok {
		return Key{}, s, nil
	}
	if quoted, err := strconv.QuotedPrefix(s); err == nil && quoted[0] == '"' {
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return Key{}, s, fmt.Errorf("key %s: %w", quoted, err)
		}
		k, s = Text(text), s[len(quoted):]
	} else {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		n, err := strconv.Atoi(s[:digits])
		if err != nil || digits > 1 && s[0] == '0' {
			return Key{}, s, fmt.Errorf("key %q: want a number or a quoted string", s)
		}
		k, s = Number(n), s[digits:]
	}
	if s, ok = strings.CutPrefix(s, "]"); !ok {
		return Key{}, s, fmt.Errorf("want ] after the key")
	}
	return k, s, nil
}
