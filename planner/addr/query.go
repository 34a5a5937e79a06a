package addr

import (
	"fmt"
	"slices"
	"strings"
)

// Known is an instance as people know it.
type Known struct {
	Addr Instance
	// Name is that of the machine which the instance is, or on which it acts as one of several steps; empty: it has none.
	Name string
	// Step says that the instance acts on a machine: a bare name does not mean it.
	Step bool
}

// Query is how a person on a command line says which instances are meant:
//
//	node.pc              a block, with all its instances
//	node.pc[3]           one of them, by its key; quotes may be left out: node.pc["pc04"], node.pc[pc04]
//	node.pc[pc04]        or by its machine's name, also of a step on it: step.file.motd[pc04]
//	node.pc[0..3, pc*]   several, as plans show them; a star stands for any characters
//	pac.boot             a Pac, with everything in it
//	node, step.file      all of a type in the root module
//	pc04                 a machine, by its name
type Query struct {
	text  string
	words []queryWord // empty: only a name
}

// queryWord is one word of an address, with the keys that are meant; nil: all.
type queryWord struct {
	word string
	keys []keyRange
}

// ParseQuery reads a query. Errors quote the text and say which part is wrong.
func ParseQuery(s string) (Query, error) {
	q := Query{text: s}
	rest := s
	for first := true; first || rest != ""; first = false {
		var w queryWord
		var err error
		if !first {
			if rest, err = dot(rest); err != nil {
				return Query{}, fmt.Errorf("address %q: %w", s, err)
			}
		}
		if w.word, rest, err = word(rest); err == nil && strings.HasPrefix(rest, "[") {
			w.keys, rest, err = keyRanges(rest[1:])
		}
		switch {
		case err != nil && isName(s):
			return Query{text: s}, nil
		case err != nil:
			return Query{}, fmt.Errorf("address %q: %w", s, err)
		}
		q.words = append(q.words, w)
	}
	return q, nil
}

// isName reports whether a text that is no address can be a machine's name: "01-pc".
func isName(s string) bool {
	return s != "" && !strings.ContainsAny(s, `[]"*, `+"\t\n")
}

// String returns the text that was parsed.
func (q Query) String() string { return q.text }

// covers reports whether the query is an address of an instance.
func (q Query) covers(k Known) bool { return q.matches(k, "") }

// coversNamed is covers with the machine's name for the key.
func (q Query) coversNamed(k Known) bool { return k.Name != "" && q.matches(k, k.Name) }

// names reports whether the query is the name of a machine.
func (q Query) names(k Known) bool { return !k.Step && k.Name != "" && k.Name == q.text }

// matches compares word by word. name, if it is not empty, stands for the instance's own key.
func (q Query) matches(k Known, name string) bool {
	words := k.words()
	if len(q.words) == 0 || len(q.words) > len(words) {
		return false
	}
	if name != "" {
		words[len(words)-1].key = Text(name)
	}
	for i, w := range q.words {
		key := words[i].key
		if w.word != words[i].word || w.keys != nil && !slices.ContainsFunc(w.keys, func(r keyRange) bool { return r.has(key) }) {
			return false
		}
	}
	return true
}

// addressWord is one word of an address with its key.
type addressWord struct {
	word string
	key  Key
}

func (k Known) words() []addressWord {
	words := make([]addressWord, 0, 2*len(k.Addr.Module)+3)
	for _, c := range k.Addr.Module {
		words = append(words, addressWord{word: "pac"}, addressWord{c.Name, c.Key})
	}
	for w := range strings.SplitSeq(k.Addr.Type, ".") {
		words = append(words, addressWord{word: w})
	}
	return append(words, addressWord{k.Addr.Name, k.Addr.Key})
}

// Find returns the places in all of the instances that a query means: those at an address; else those at an address with names for keys; else the
// one machine of that name. Nothing is an error, and so is a name that several have.
func Find(query string, all []Known) ([]int, error) {
	q, err := ParseQuery(query)
	if err != nil {
		return nil, err
	}
	found := places(all, q.covers)
	if len(found) == 0 {
		found = places(all, q.coversNamed)
	}
	if len(found) == 0 {
		found = places(all, q.names)
		if len(found) > 1 {
			return nil, fmt.Errorf("%s is the name of %s and of %s: say which by its address", query, all[found[0]].Addr, all[found[1]].Addr)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nothing has the address or the name %s", query)
	}
	return found, nil
}

func places(all []Known, means func(Known) bool) (found []int) {
	for i, k := range all {
		if means(k) {
			found = append(found, i)
		}
	}
	return found
}

// Canonical returns an address with its keys in quotes, as String of an Instance or Pattern writes it; text that is none stays as it is.
func Canonical(s string) string {
	q, err := ParseQuery(s)
	if err != nil {
		return s
	}
	var b strings.Builder
	for i, w := range q.words {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(w.word)
		if w.keys == nil {
			continue
		}
		if len(w.keys) > 1 || w.keys[0].to != "" || w.keys[0].pattern() {
			return s
		}
		b.WriteString(w.keys[0].key().String())
	}
	if b.Len() == 0 {
		return s
	}
	return b.String()
}
