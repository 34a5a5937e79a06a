package plan

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/planner/state"
)

// observe asks all types that can be asked how their instances are, all at the same time and each in one call. Steps in images
// are not asked: an image never changes. Wanted says about which instances there is a question; nil: about all.
func observe(
	ctx context.Context, o Options, d *draft, wanted func(*state.Instance) bool,
) (map[string]resource.Observation, hcl.Diagnostics) {
	requests := map[string][]resource.ReadRequest{}
	for _, at := range slices.Sorted(maps.Keys(o.State.Instances)) {
		i := o.State.Instances[at]
		if _, ok := o.Types[i.Type].(resource.Reader); !ok || d.bakes(i.MachineKind) || wanted != nil && !wanted(i) {
			continue
		}
		r := resource.ReadRequest{Addr: at, Prior: PriorValue(o.State.Instance, at), Config: cty.NullVal(cty.DynamicPseudoType)}
		if c := d.byAddr[at]; c.Number >= 0 {
			r.Config, _ = c.Config.UnmarkDeep()
		}
		requests[i.Type] = append(requests[i.Type], r)
	}
	ctx, cancel := context.WithTimeout(ctx, o.readTimeout())
	defer cancel()
	return ask(ctx, o.Types, requests)
}

func (o Options) readTimeout() time.Duration { return cmp.Or(o.ReadTimeout, defaultReadTimeout) }

func ask(ctx context.Context, types map[string]resource.Type, requests map[string][]resource.ReadRequest) (
	seen map[string]resource.Observation, diags hcl.Diagnostics,
) {
	seen = map[string]resource.Observation{}
	var mu sync.Mutex // guards seen and diags
	var all sync.WaitGroup
	for name, list := range requests {
		all.Go(func() {
			found := types[name].(resource.Reader).Read(ctx, list)
			mu.Lock()
			defer mu.Unlock()
			if len(found) != len(list) {
				diags = append(diags, fault("Type "+name+" did not answer for each of its instances", "This is a fault of viver."))
				return
			}
			for i, r := range list {
				seen[r.Addr] = found[i]
			}
		})
	}
	all.Wait()
	return seen, diags
}

// fault is an error that belongs to no place in a file.
func fault(summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail}
}
