package plan

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/state"
)

// Walker evaluates a configuration; *lang.Evaluator is one.
type Walker interface {
	// Walk calls visit once for each instance, in an order in which all that it refers to comes before it. What visit returns is
	// what other expressions see of the instance.
	Walk(ctx context.Context, visit lang.Visit) hcl.Diagnostics
	// Renamed says where the configuration's moves bring an address, and whether that is elsewhere.
	Renamed(address string) (string, bool)
	Removed() []lang.Removed
	Imports() ([]lang.Import, hcl.Diagnostics)
}

// Options are what a plan is made from.
type Options struct {
	// Config makes a fresh Walker for each evaluation; the plan belongs to the last one. Not used by Destroy.
	Config func() (Walker, hcl.Diagnostics)
	State  *state.State
	Types  map[string]resource.Type // by name
	// Refresh asks the types that can be asked how the instances are.
	Refresh bool
	// Targets say what the plan is for, with what that needs: they are queries, as addr.Find takes them. Empty: for everything.
	Targets []string
	// Exclude says in the same way what the plan is not for, nor for what needs it.
	Exclude []string
	// Replace says what is to be made anew although nothing calls for it.
	Replace []string
	// RefreshOnly: nothing is brought about; the state is to say what was found.
	RefreshOnly bool
	// Seen is how the instances were found when they were asked before, by address: they are not asked again. nil: they are, with Refresh.
	Seen map[string]resource.Observation
	// ReadTimeout is how long they have for it; 0: 10 s.
	ReadTimeout time.Duration
}

const defaultReadTimeout = 10 * time.Second

// maxWalks bounds how often the configuration is evaluated. The first walk gives what the world is asked about; a second one takes
// the answers in; what was found can change steps that are baked into images, and so images that were visited before those.
const maxWalks = 4

// Make makes a plan to bring about what is declared. Errors are diagnostics, with the place in the configuration where there is one.
func Make(ctx context.Context, o Options) (*Plan, hcl.Diagnostics) {
	if diags := checkTypes(o); diags.HasErrors() {
		return nil, diags
	}
	config, diags := o.Config()
	if diags.HasErrors() {
		return nil, diags
	}
	known, moved, diags := declared(config, o.State)
	if diags.HasErrors() {
		return nil, diags
	}
	o.State = moved
	m := &making{Options: o, known: known, seen: o.Seen, dirty: map[string][]Reason{}}
	for range maxWalks {
		d, settled, diags := m.walk(ctx, config)
		if diags.HasErrors() {
			return nil, diags
		}
		if settled {
			p, more := d.plan()
			return p, append(diags, more...)
		}
		if config, diags = o.Config(); diags.HasErrors() {
			return nil, diags
		}
	}
	return nil, hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  "The plan does not settle",
		Detail:   "Steps that go into an image change each time that the image is planned anew. Do not let such steps follow from their own image.",
	}}
}

// making is what is known between two walks.
type making struct {
	Options
	known declarations
	seen  map[string]resource.Observation
	dirty map[string][]Reason // images whose steps changed, by address
}

// walk makes a draft. It is settled unless something was found by it, or after it, from which another one would follow.
func (m *making) walk(ctx context.Context, config Walker) (d *draft, settled bool, diags hcl.Diagnostics) {
	d = newDraft(m.Options, m.seen, m.dirty)
	d.declared = &m.known
	if diags = config.Walk(ctx, d.visit); diags.HasErrors() {
		return nil, false, diags
	}
	d.finish()
	settled = true
	if len(m.known.imports) > 0 && m.known.found == nil {
		diags = append(diags, d.importAll(ctx)...)
		settled = len(m.known.found) == 0
	}
	if (m.Refresh || m.RefreshOnly) && m.seen == nil && !diags.HasErrors() {
		var more hcl.Diagnostics
		m.seen, more = observe(ctx, m.Options, d, nil)
		diags = append(diags, more...)
		settled = settled && !noteworthy(m.seen)
	}
	for image, reasons := range d.dirty() {
		settled = settled && m.dirty[image] != nil
		m.dirty[image] = reasons
	}
	return d, settled, diags
}

// plan is the draft, restricted to what was asked for and in order.
func (d *draft) plan() (*Plan, hcl.Diagnostics) {
	if d.RefreshOnly {
		d.onlyRefresh()
	}
	if diags := d.unfit(); diags.HasErrors() {
		return nil, diags
	}
	if diags := d.restrict(); diags.HasErrors() {
		return nil, diags
	}
	if diags := d.unprotected(); diags.HasErrors() {
		return nil, diags
	}
	rollouts := d.rollouts()
	vertices, diags := d.arrange(rollouts)
	if diags.HasErrors() {
		return nil, diags
	}
	return &Plan{
		Lineage: d.State.Lineage, Serial: d.State.Serial, RefreshOnly: d.RefreshOnly, Partial: d.RefreshOnly || len(d.Targets)+len(d.Exclude) > 0,
		Seen: d.seen, Moves: d.declared.moves, Changes: d.changes, Rollouts: rollouts, Vertices: vertices,
	}, nil
}

// noteworthy says whether anything was found that the state did not say.
func noteworthy(seen map[string]resource.Observation) bool {
	for _, o := range seen {
		if o.Status != resource.Present || len(o.Computed) > 0 || o.Reason != "" {
			return true
		}
	}
	return false
}

// checkTypes refuses a state with instances of types that this viver does not have.
func checkTypes(o Options) (diags hcl.Diagnostics) {
	unknown := map[string]string{}
	for at, i := range o.State.Instances {
		if o.Types[i.Type] == nil {
			unknown[i.Type] = at
		}
	}
	for t, at := range unknown {
		diags = append(diags, &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "Unknown type in the state",
			Detail:   "The state has " + at + ", but this viver knows no type \"" + t + "\". Use the viver that made it.",
		})
	}
	return diags
}

// draft is a plan that is being made, in one walk.
type draft struct {
	Options
	memory   *Memory
	declared *declarations
	seen     map[string]resource.Observation // by address
	baking   map[string][]Reason             // images whose steps changed in the walk before, by address
	changes  []*Change
	byAddr   map[string]*Change
	taken    map[string]string // which instance has the value of a unique argument
	all      []addr.Known      // the changes, once all are there
	replaced map[string]bool   // what Replace means, by address
}

func newDraft(o Options, seen map[string]resource.Observation, baking map[string][]Reason) *draft {
	d := &draft{
		Options: o, memory: NewMemory(o.State, o.Types), seen: seen, baking: maps.Clone(baking),
		byAddr: map[string]*Change{}, taken: map[string]string{}, declared: &declarations{}, replaced: map[string]bool{},
	}
	for _, query := range o.Replace {
		found, _ := o.State.Find(query) // what means nothing is reported by restrict
		for _, at := range found {
			d.replaced[at] = true
		}
	}
	return d
}

// schema is that of a type; nil: there is no such type. Types may make theirs anew each time they are asked.
func (d *draft) schema(name string) *resource.Schema { return d.memory.refs.schemas[name] }

func (d *draft) bakes(kind string) bool {
	s := d.schema(kind)
	return s != nil && s.Bakes
}

func fail(r hcl.Range, summary, detail string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: r.Ptr()}}
}
