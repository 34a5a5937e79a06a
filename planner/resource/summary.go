package resource

import "github.com/zclconf/go-cty/cty"

// Summarizer is a Type that says in a short clause what an instance of it is, for the rows of a plan: "10.20.0.0/16 on eth1".
type Summarizer interface {
	Type
	// Summary is given the evaluated arguments; what is unknown or sensitive is unknown in it.
	Summary(config cty.Value) string
}
