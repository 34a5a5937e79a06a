// Package lang is the language of viver: it loads *.viver.hcl files with the Pacs that they call, and evaluates them to
// instances with arguments and dependencies. It owns syntax, names, types, functions and evaluation order. What a block type
// means, what is there already and what has to be done are no business of it: block types come in as schemas, and the values
// that only the world knows come in from the caller.
//
// depends_on makes a block wait for whole blocks and Pacs. Between steps on nodes that is meant node by node: a step waits for what acts on
// its own node, and for what acts on no node, but not for other nodes.
package lang
