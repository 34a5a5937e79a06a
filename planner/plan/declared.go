package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/addr"
	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/state"
)

// Move is a change of an address in the state: of an instance, or of a block with all its instances.
type Move struct{ From, To string }

// declarations is what the configuration says of instances that the state has, and of those that exist without it.
type declarations struct {
	moves   []Move
	former  map[string]string // addresses before the moves
	removed []lang.Removed
	imports map[string]lang.Import          // by address
	found   map[string]map[string]cty.Value // what importing found, by address
}

// declared reads the moved, removed and import blocks, and returns the state with the moves made.
func declared(config Walker, s *state.State) (declarations, *state.State, hcl.Diagnostics) {
	d := declarations{removed: config.Removed(), former: map[string]string{}, imports: map[string]lang.Import{}}
	imports, diags := config.Imports()
	for _, i := range imports {
		d.imports[i.To.String()] = i
	}
	for _, at := range slices.Sorted(maps.Keys(s.Instances)) {
		if to, ok := config.Renamed(at); ok {
			d.former[to] = at
			d.moves = append(d.moves, shortMove(at, to))
		}
	}
	// Single instances first: what is left of a block may go elsewhere.
	slices.SortStableFunc(d.moves, func(a, b Move) int { return strings.Count(b.From, "[") - strings.Count(a.From, "[") })
	var done []Move
	for _, m := range d.moves {
		if slices.Contains(done, m) {
			continue
		}
		next, _, err := s.Move(m.From, m.To)
		if err != nil {
			diags = append(diags, fault("Cannot be moved", m.From+" is to be moved to "+m.To+": "+err.Error()+"."))
			continue
		}
		s, done = next, append(done, m)
	}
	d.moves = done
	return d, s, diags
}

// shortMove is the move of the whole block, if the instance keeps its key.
func shortMove(from, to string) Move {
	a, errA := addr.Parse(from)
	b, errB := addr.Parse(to)
	if errA != nil || errB != nil || a.Key != b.Key || a.Group() == b.Group() {
		return Move{from, to}
	}
	return Move{a.Group(), b.Group()}
}

// forgets says that a removed block asks to leave an instance as it is.
func (d *declarations) forgets(at string) bool {
	return slices.ContainsFunc(d.removed, func(r lang.Removed) bool { return !r.Destroy && r.Covers(at) })
}

// importAll asks the types for the things that are to be imported, all at the same time.
func (d *draft) importAll(ctx context.Context) (diags hcl.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, d.readTimeout())
	defer cancel()
	d.declared.found = map[string]map[string]cty.Value{}
	var mu sync.Mutex // guards diags and found
	var all sync.WaitGroup
	for at, i := range d.declared.imports {
		c := d.byAddr[at]
		if c == nil || c.Prior != nil {
			continue // Walk has said that it is not declared; or it was imported before
		}
		all.Go(func() {
			found, problem := d.importOne(ctx, c, i)
			mu.Lock()
			defer mu.Unlock()
			if problem != "" {
				diags = append(diags, fail(i.Range, "Cannot be imported", at+": "+problem+".")...)
			}
			d.declared.found[at] = found
		})
	}
	all.Wait()
	return diags
}

func (d *draft) importOne(ctx context.Context, c *Change, i lang.Import) (found map[string]cty.Value, problem string) {
	importer, ok := d.Types[c.Type].(resource.Importer)
	if !ok || c.Machine != "" {
		return nil, d.notImported(c)
	}
	config, _ := c.Config.UnmarkDeep()
	found, err := importer.Import(ctx, resource.ImportRequest{Addr: c.Addr.String(), ID: i.ID, Config: config})
	if err == nil {
		found, err = Complete(d.schema(c.Type), found)
	}
	if err != nil {
		return nil, err.Error()
	}
	return found, ""
}

// notImported says why there is no import of an instance, and that nothing is missing without it.
func (d *draft) notImported(c *Change) string {
	var can []string
	for _, name := range slices.Sorted(maps.Keys(d.Types)) {
		if _, ok := d.Types[name].(resource.Importer); ok && !strings.HasPrefix(name, addr.StepPrefix) {
			can = append(can, name)
		}
	}
	why := "nothing of it is there that could be taken over, so apply just remembers what is declared"
	if c.Machine != "" {
		why = "apply looks whether a step is done already, and then changes nothing and remembers it"
	}
	return fmt.Sprintf("there is no import of %s, and no need for it: %s. Take the import block out. Import is for these types: %s", c.Type, why, strings.Join(can, ", "))
}

// imported makes a change of an instance that was found to exist: it is remembered as found, and then brought into line.
func (d *draft) imported(c *Change, s *resource.Schema, found map[string]cty.Value) error {
	kept, err := d.memory.Computed(c.Addr.String(), s, found)
	if err != nil {
		return err
	}
	c.ImportID = d.declared.imports[c.Addr.String()].ID
	c.Action, c.Reasons = resource.Update, []Reason{{What: "imported as " + c.ImportID}}
	c.Remember = &state.Instance{
		Addr: c.Addr.String(), Group: c.Addr.Group(), Key: KeyValue(c.Addr.Key), Type: c.Type, Status: state.Incomplete, Protect: c.Protect,
		Inputs: cty.EmptyObjectVal, Computed: kept,
	}
	c.computed = map[string]cty.Value{}
	for name, a := range s.Attributes {
		switch v, ok := found[name]; {
		case a.Computed && ok && !v.IsNull():
			c.computed[name] = v
		case a.Computed:
			c.computed[name] = cty.UnknownVal(a.Type)
		}
	}
	return nil
}
