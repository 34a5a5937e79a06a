package resource

import "github.com/zclconf/go-cty/cty"

// Consequencer is a Type that says what an update means for what runs: "takes effect when it reboots".
type Consequencer interface {
	Type
	// Consequence is a short clause; empty: nothing that one would not expect.
	Consequence(m Modification) string
}

// Modification is a planned update.
type Modification struct {
	// Config has the evaluated arguments; what is not known yet or sensitive is unknown in it. Prior is as in ApplyRequest.
	Config, Prior cty.Value
	// Remembered returns what is remembered of another instance, or a null value.
	Remembered func(address string) cty.Value
}

// Summarizer is a Type that says in a short clause what an instance of it is, for the rows of a plan: "10.20.0.0/16 on eth1".
type Summarizer interface {
	Type
	// Summary is given the evaluated arguments; what is unknown or sensitive is unknown in it.
	Summary(config cty.Value) string
}
