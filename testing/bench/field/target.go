package main

import "fmt"

// Target is what must be reached.
type Target struct {
	Name    string  `json:"name"`
	Want    float64 `json:"want"`
	Got     float64 `json:"got"`
	AtMost  bool    `json:"at_most,omitempty"` // Got must not be above Want; otherwise not below
	Reached bool    `json:"reached"`
}

// target is what a row must reach; false: nothing is asked of it.
func (r Row) target() (t Target, ok bool) {
	if r.System != viver {
		return t, false
	}
	through := fmt.Sprintf("viver, %s, %d nodes: part of the line's rate", r.Mode, r.Nodes)
	switch {
	case r.Mode == cold && (r.Nodes == 8 || r.Nodes == 16):
		t = Target{Name: through, Want: 0.80, Got: r.RatioToLink}
	case r.Mode == warm:
		t = Target{Name: through, Want: 0.90, Got: r.RatioToLink}
	case r.Mode == storm || r.Mode == joinStorm:
		t = Target{Name: fmt.Sprintf("viver, %s, %d nodes: time of the last beside that of one alone", r.Mode, r.Nodes), Want: 1.5, Got: r.Ratio, AtMost: true}
	case r.Mode == hit:
		t = Target{Name: "viver, hits: speed beside that of nbdkit", Want: 1, Got: r.Ratio}
	case r.Mode == miss:
		t = Target{Name: fmt.Sprintf("viver, misses at %d Mbit/s: time beside that of direct reads", r.LinkMbit), Want: 1.3, Got: r.Ratio, AtMost: true}
	default:
		return t, false
	}
	t.Reached = t.Got >= t.Want
	if t.AtMost {
		t.Reached = t.Got <= t.Want
	}
	return t, true
}
