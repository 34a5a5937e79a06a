package main

// Report is the file out/bench/planner.json.
type Report struct {
	Plans   []Plan   `json:"plans"`
	Room    Room     `json:"apply_over_ssh"`
	Targets []Target `json:"targets"`
	Note    string   `json:"note,omitempty"` // what could not be measured
}

// Target is a figure that shall not be greater than what is wanted.
type Target struct {
	Name    string  `json:"name"`
	Got     float64 `json:"got"`
	Want    float64 `json:"want"`
	Reached bool    `json:"reached"`
}

// judge compares the figures of viver with what is wanted of it.
func (r *Report) judge() {
	for _, name := range []string{single, pairs} {
		if p := r.find(name, 5000); p != nil {
			r.target("seconds to plan 5,000, "+name, p.WallSeconds, 0.5)
			r.target("MB to plan 5,000, "+name, p.RSSMB, 150)
		}
		small, large := r.find(name, 1000), r.find(name, 10000)
		if small != nil && large != nil {
			r.target("cost of one of 10,000 against one of 1,000, "+name, large.MicrosecondsEach/small.MicrosecondsEach, 1.5)
		}
	}
	if r.Room.Nodes == roomNodes && r.Room.Steps == roomSteps {
		r.target("seconds to apply 20 steps on each of 1,000 nodes over SSH", r.Room.Seconds, roomSeconds)
	}
	few, many := r.find(nested, 10), r.find(nested, 100)
	if few != nil && many != nil { // the first costs of a program's start are in both
		r.target("ten times as many nested loops, times", many.CPUSeconds/few.CPUSeconds, 12)
	}
}

// The room of which something is wanted, and how many seconds it may take.
const (
	roomNodes   = 1000
	roomSteps   = 20
	roomSeconds = 10
)

func (r *Report) target(name string, got, want float64) {
	r.Targets = append(r.Targets, Target{Name: name, Got: got, Want: want, Reached: got <= want})
}

// find returns the figures of viver, or nil.
func (r *Report) find(name string, instances int) *Plan {
	for i, p := range r.Plans {
		if p.Case == name && p.Instances == instances && p.Program == "viver" && p.Failure == "" {
			return &r.Plans[i]
		}
	}
	return nil
}
