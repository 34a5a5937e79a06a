package apply_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// room is a world with a state beside it.
type room struct {
	*world
	dir string
}

func newRoom(t *testing.T) *room {
	return &room{newWorld(), filepath.Join(t.TempDir(), state.Folder)}
}

// plan plans, and returns the plan, its configuration and the open state.
func (r *room) plan(t *testing.T, all []declaration) (*plan.Plan, *config, *state.Store) {
	t.Helper()
	store, err := state.Open(r.dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	c := &config{all: all}
	o := plan.Options{State: store.State(), Types: r.types(), Refresh: true, Config: func() (plan.Walker, hcl.Diagnostics) { return c, nil }}
	p, diags := plan.Make(t.Context(), o)
	if all == nil {
		p, diags = plan.Destroy(t.Context(), o)
	}
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p, c, store
}

// apply plans and applies; nil destroys everything.
func (r *room) apply(t *testing.T, all []declaration, change func(*apply.Options)) *apply.Result {
	t.Helper()
	p, c, store := r.plan(t, all)
	if slices.ContainsFunc(p.Changes, func(c *plan.Change) bool { return c.Action == resource.Replace }) {
		r.calls = append(r.calls, "replacing")
	}
	o := apply.Options{Plan: p, Store: store, Config: c, Types: r.types(), Parallelism: 4}
	if all == nil {
		o.Config = nil
	}
	if change != nil {
		change(&o)
	}
	result, err := apply.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return result
}

func (r *room) check(t *testing.T) {
	t.Helper()
	for _, w := range r.wrong {
		t.Error(w)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// random makes a configuration of up to n instances; those that two seeds have in common are alike but for some values.
func random(r *rand.Rand, n int) []declaration {
	var all []declaration
	for i := range n {
		if r.IntN(5) == 0 {
			continue
		}
		d := declaration{name: fmt.Sprint("x", i), value: fmt.Sprint(r.IntN(2)), seed: fmt.Sprint(r.IntN(6) / 5), on: -1}
		d.kind = []string{"thing", "server", "node", "image", "step.file", "step.file", "step.file"}[i%7]
		machines := indexes(all, func(o declaration) bool { return o.kind == "server" || o.kind == "node" || o.kind == "image" })
		if d.kind == "step.file" {
			if len(machines) == 0 {
				continue
			}
			d.on = machines[r.IntN(len(machines))]
		}
		inImage := d.on >= 0 && all[d.on].kind == "image"
		for j, o := range all {
			// what a step in an image uses may not come from that image: let it use nothing but what stands before it
			if r.IntN(len(all)) < 2 && o.kind != "step.file" && !(inImage && j >= d.on) {
				d.uses = append(d.uses, j)
			}
		}
		all = append(all, d)
	}
	return all
}

func indexes(all []declaration, keep func(declaration) bool) (list []int) {
	for i, d := range all {
		if keep(d) {
			list = append(list, i)
		}
	}
	return list
}

// TestResumeReachesTheSame: whatever fails on the way, applying again until it succeeds ends in the same world as if nothing had failed;
// the order holds all the time, and at the end there is nothing to do and everything can be taken away.
func TestResumeReachesTheSame(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			first, second := random(r, 24), random(r, 24)
			calm, rough := newRoom(t), newRoom(t)
			for _, all := range [][]declaration{first, second} {
				if result := calm.apply(t, all, nil); result.Failed() {
					for _, e := range result.Ends {
						t.Log(e.Change.Addr, e.Change.Action, e.Status, e.Err)
					}
					t.Fatal("it failed undisturbed")
				}
				calm.check(t)
				disturbed(t, rough, all, r)
				if diff := cmp.Diff(calm.snapshot(), rough.snapshot()); diff != "" {
					t.Fatalf("the worlds differ:\n%s", diff)
				}
				if p, _, store := rough.plan(t, all); !p.Empty() {
					t.Fatalf("there is still something to do: %+v", p.Summary())
				} else if err := store.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if rough.apply(t, nil, nil).Failed() || len(rough.snapshot()) != 0 {
				t.Errorf("after destroying there is still %v", rough.snapshot())
			}
			rough.check(t)
		})
	}
}

// disturbed applies with failures, ever fewer, until it succeeds.
func disturbed(t *testing.T, room *room, all []declaration, r *rand.Rand) {
	t.Helper()
	for odds := 3; odds < 100; odds++ {
		stop := make(chan struct{})
		stopped := false
		room.fails = func(string) error {
			if r.IntN(odds) == 0 {
				return errBroken
			}
			if !stopped && r.IntN(3*odds) == 0 {
				stopped = true
				close(stop)
			}
			return nil
		}
		result := room.apply(t, all, func(o *apply.Options) {
			o.Stop = stop
			o.Plan.Rollouts = map[string]plan.Rollout{"room": {MaxUnavailable: 1 + r.IntN(3), MaxFailed: r.IntN(4) - 1}}
			for i := range o.Plan.Vertices {
				if r.IntN(2) == 0 {
					o.Plan.Vertices[i].Group = "room"
				}
			}
		})
		room.fails = func(string) error { return nil }
		room.check(t)
		if !result.Failed() {
			return
		}
	}
	t.Fatal("it never succeeded")
}

func TestStalePlanIsRefused(t *testing.T) {
	r := newRoom(t)
	all := []declaration{{kind: "thing", name: "a", on: -1}}
	p, c, store := r.plan(t, all)
	defer store.Close()
	if err := store.Append(state.Change{Forget: "thing.b"}); err != nil {
		t.Fatal(err)
	}
	_, err := apply.Run(t.Context(), apply.Options{Plan: p, Store: store, Config: c, Types: r.types()})
	if err != apply.ErrStale || len(r.calls) > 0 {
		t.Errorf("got %v, after %v", err, r.calls)
	}
}

func TestWhatFailedSaysWhy(t *testing.T) {
	r := newRoom(t)
	all := []declaration{
		{kind: "thing", name: "a", on: -1},
		{kind: "server", name: "s", on: -1},
		{kind: "step.file", name: "one", on: 1},
		{kind: "step.file", name: "two", on: 1, uses: []int{2}},
		{kind: "step.file", name: "three", on: 1, uses: []int{0}},
		{kind: "thing", name: "b", on: -1, uses: []int{0}},
		{kind: "thing", name: "c", on: -1, uses: []int{5}},
		{kind: "step.file", name: "four", on: 1, uses: []int{3}},
		{kind: "step.file", name: "five", on: 1, uses: []int{2}},
	}
	r.fails = func(at string) error {
		if at == "thing.b" || at == "step.file.two" {
			return errBroken
		}
		return nil
	}
	got := map[string]string{}
	for _, e := range r.apply(t, all, nil).Ends {
		switch e.Status {
		case apply.Failed:
			got[e.Change.Addr.String()] = e.Err.Error()
		case apply.Blocked:
			got[e.Change.Addr.String()] = "after " + e.Cause.Addr.String()
		default:
			got[e.Change.Addr.String()] = "ok"
		}
	}
	want := map[string]string{
		"thing.a": "ok", "server.s": "ok", "step.file.one": "ok", "step.file.two": "it broke", "step.file.three": "ok",
		"step.file.four": "after step.file.two", "step.file.five": "ok",
		"thing.b": "it broke", "thing.c": "after thing.b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r.check(t)
}

// TestDeathIsRemembered: what was begun when the process died is known to the next one.
func TestDeathIsRemembered(t *testing.T) {
	r := newRoom(t)
	all := []declaration{{kind: "thing", name: "a", on: -1}}
	seen := map[string]state.Status{}
	r.fails = func(at string) error {
		s, err := state.Read(r.dir) // as after a death at this moment
		if err != nil {
			return err
		}
		seen[at] = s.Instances[at].Status
		return nil
	}
	if r.apply(t, all, nil).Failed() {
		t.Fatal("it failed")
	}
	if seen["thing.a"] != state.Incomplete {
		t.Errorf("while it was made, the state said %q", seen["thing.a"])
	}
	r.fails = func(string) error { return fmt.Errorf("cut off: %w", context.Canceled) }
	all[0].value = "new"
	r.apply(t, all, nil)
	s, err := state.Read(r.dir)
	if err != nil || s.Instances["thing.a"].Status != state.Incomplete {
		t.Errorf("after an update was cut off: %v, %v", s.Instances["thing.a"], err)
	}
}
