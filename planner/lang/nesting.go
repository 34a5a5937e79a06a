package lang

import (
	"fmt"
	"strings"
)

// Bounds of nesting. HCL's parser and evaluator call themselves for each bracket and for each operator of an expression, and a stack that
// overflows cannot be recovered from. Some of what they do takes the square of the number of operators.
const (
	maxNesting   = 500
	maxOperators = 10_000
)

// nesting looks at a text byte by byte, strings and comments included: it may count more than there is, never less.
type nesting struct {
	open       []level
	operators  int // in the expressions that are open
	directives int // of templates, %{ }, which end nowhere that a look at bytes would tell
}

// level is an open bracket, or the file.
type level struct {
	bracket   byte
	operators int
}

// tooDeep returns where data is nested deeper than is read, and what is wrong there, as what follows on "The file"; -1 if it is not.
func tooDeep(data []byte) (at int, problem string) {
	n := nesting{open: []level{{bracket: '{'}}}
	for at := range data {
		switch n.take(data, at); {
		case len(n.open) > maxNesting+1:
			return at, fmt.Sprintf("opens more than %d brackets that it does not close before", maxNesting)
		case n.operators+n.directives > maxOperators:
			return at, fmt.Sprintf("has more than %d operators in one expression", maxOperators)
		}
	}
	return -1, ""
}

func (n *nesting) take(data []byte, at int) {
	innermost := &n.open[len(n.open)-1]
	c := data[at]
	switch {
	case c == '(' || c == '[' || c == '{':
		if at > 0 && data[at-1] == '%' && c == '{' {
			n.directives++
		}
		n.count(innermost) // a call, or an index
		n.open = append(n.open, level{bracket: c})
	case c == ')' || c == ']' || c == '}':
		n.forget(innermost)
		if len(n.open) > 1 {
			n.open = n.open[:len(n.open)-1]
		}
	case c == ',' || c == '\n' && innermost.bracket == '{':
		n.forget(innermost)
	case strings.IndexByte("!-+*/%&|<>=?:", c) >= 0:
		n.count(innermost)
	}
}

func (n *nesting) count(l *level) {
	l.operators++
	n.operators++
}

// forget ends the expressions of a level.
func (n *nesting) forget(l *level) {
	n.operators -= l.operators
	l.operators = 0
}
