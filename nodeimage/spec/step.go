package spec

import (
	"encoding/json"
	"time"
)

// Step is one thing to bring about on a machine.
type Step struct {
	ID      string          `json:"id"`     // its address in the configuration: "pac.motd.step.file.text"
	Type    string          `json:"type"`   // "file"
	Config  json.RawMessage `json:"config"` // the type's own document
	Timeout time.Duration   `json:"timeout,omitempty"`
}

// StepStatus is the answer of one step.
type StepStatus string

// What a check or a run of a step answers.
const (
	StepSame    StepStatus = "same"    // nothing to do, nothing done
	StepDiffers StepStatus = "differs" // check: it would change something, as Diff says
	StepMaybe   StepStatus = "maybe"   // check: it cannot tell, for the reason in Diff
	StepChanged StepStatus = "changed" // apply: done
	StepUndone  StepStatus = "undone"  // undo: taken back
	StepFailed  StepStatus = "failed"
	StepSkipped StepStatus = "skipped" // one before it failed
)

// StepResult is one line of JSON that a step run answers.
type StepResult struct {
	ID     string     `json:"id"`
	Status StepStatus `json:"status"`
	// Diff says what differs, or what was changed, in one line: `mode 0644 -> 0600`.
	Diff string `json:"diff,omitempty"`
	// Output is the tail of what a failed step printed (4 KiB at most), or the value of a fact.
	Output string `json:"output,omitempty"`
	// Secret says that Output is for whoever asked, and is neither kept nor reported.
	Secret  bool          `json:"secret,omitempty"`
	Elapsed time.Duration `json:"elapsed,omitempty"`
}
