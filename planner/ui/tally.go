package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"viver/planner/addr"
	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

// tallied is a result, counted and with what failed alike put together.
type tallied struct {
	created, updated, destroyed int
	failed                      []*failure // by their text
	failures                    int
	blocked, notStarted         []addr.Instance
	unrecorded                  []addr.Instance
}

// failure is one error and those that have it.
type failure struct {
	text      string
	addresses []addr.Instance
	places    []string // in the configuration, "main.viver.hcl:12"
}

func tally(r *apply.Result) *tallied {
	t := &tallied{}
	for _, e := range r.Ends {
		switch e.Status {
		case apply.Done:
			t.count(e.Change.Action)
		case apply.Failed:
			t.fail(e)
		case apply.Blocked:
			t.blocked = append(t.blocked, e.Change.Label())
		case apply.Unrecorded:
			t.count(e.Change.Action)
			t.unrecorded = append(t.unrecorded, e.Change.Label())
		case apply.NotStarted:
			t.notStarted = append(t.notStarted, e.Change.Label())
		}
	}
	slices.SortFunc(t.blocked, addr.Compare)
	slices.SortFunc(t.notStarted, addr.Compare)
	slices.SortFunc(t.unrecorded, addr.Compare)
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

func (t *tallied) fail(e apply.End) {
	t.failures++
	t.failed = addFailure(t.failed, e.Change, e.Err)
}

// addFailure puts errors together that differ in nothing but the address.
func addFailure(all []*failure, c *plan.Change, err error) []*failure {
	at := c.Addr.String()
	text := strings.TrimPrefix(err.Error(), at+": ")
	if errors.Is(err, context.Canceled) {
		text = "canceled before it was done; the next apply takes it up again"
	}
	i := slices.IndexFunc(all, func(f *failure) bool { return f.text == text })
	if i < 0 {
		i = len(all)
		all = append(all, &failure{text: text})
	}
	f := all[i]
	f.addresses = append(f.addresses, c.Label())
	if at := place(c); at != "" && !slices.Contains(f.places, at) {
		f.places = append(f.places, at)
	}
	return all
}

// place says where a change is declared: "main.viver.hcl:12"; "" where it no longer is.
func place(c *plan.Change) string {
	if c.Range.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", c.Range.Filename, c.Range.Start.Line)
}
