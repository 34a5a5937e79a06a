// Package lang is the language of viver: it loads *.viver.hcl files with the Pacs that they call, and evaluates them to
// instances with arguments and dependencies. It owns syntax, names, types, functions and evaluation order. What a block type
// means, what is there already and what has to be done are no business of it: block types come in as schemas, and the values
// that only the world knows come in from the caller.
package lang
