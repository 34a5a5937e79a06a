package ui

import (
	"slices"
	"strings"

	"viver/planner/addr"
	"viver/planner/apply"
	"viver/planner/graph"
	"viver/planner/resource"
)

// tallied is a result, counted and with what failed alike put together.
type tallied struct {
	created, updated, destroyed int
	failed                      []*failure // by their text
	failures                    int
	blocked, notStarted         []addr.Instance
}

// failure is one error and those that have it.
type failure struct {
	text      string
	addresses []addr.Instance
}

func tally(r *apply.Result) *tallied {
	t := &tallied{}
	for _, e := range r.Ends {
		switch e.Status {
		case graph.Done:
			t.count(e.Change.Action)
		case graph.Failed:
			t.fail(e)
		case graph.Blocked:
			t.blocked = append(t.blocked, e.Change.Addr)
		case graph.NotStarted:
			t.notStarted = append(t.notStarted, e.Change.Addr)
		}
	}
	slices.SortFunc(t.blocked, addr.Compare)
	slices.SortFunc(t.notStarted, addr.Compare)
	return t
}

func (t *tallied) count(a resource.Action) {
	switch a {
	case resource.Create:
		t.created++
	case resource.Update:
		t.updated++
	case resource.Delete:
		t.destroyed++
	case resource.Replace:
		t.created++
		t.destroyed++
	}
}

// fail puts errors together that differ in nothing but the address.
func (t *tallied) fail(e apply.End) {
	t.failures++
	at := e.Change.Addr.String()
	text := strings.TrimPrefix(e.Err.Error(), at+": ")
	i := slices.IndexFunc(t.failed, func(f *failure) bool { return f.text == text })
	if i < 0 {
		i = len(t.failed)
		t.failed = append(t.failed, &failure{text: text})
	}
	t.failed[i].addresses = append(t.failed[i].addresses, e.Change.Addr)
}
