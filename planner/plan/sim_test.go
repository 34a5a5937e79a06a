package plan_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// The types of a simulated world: they do nothing, succeed, and are found as the test says.

func argument(t cty.Type) *resource.Attribute { return &resource.Attribute{Type: t} }

func reference(kinds ...string) *resource.Attribute {
	return &resource.Attribute{Type: cty.DynamicPseudoType, Refers: kinds}
}

var schemas = map[string]*resource.Schema{
	"network": {Attributes: map[string]*resource.Attribute{
		"cidr": argument(cty.List(cty.String)), "interface": argument(cty.String),
	}},
	"server": {Attributes: map[string]*resource.Attribute{
		"address": {Type: cty.String, Required: true},
		"boot_id": {Type: cty.String, Computed: true, From: []string{}},
		"port":    {Type: cty.Number, Computed: true, From: []string{"address"}},
		"name":    {Type: cty.String, Computed: true, From: []string{}},
	}},
	"image": {Bakes: true, Attributes: map[string]*resource.Attribute{
		"from": {Type: cty.String, Replaces: true}, "packages": argument(cty.List(cty.String)),
		"id": {Type: cty.String, Computed: true},
	}},
	"node": {
		Waits: true,
		Attributes: map[string]*resource.Attribute{
			"boot": reference("pac", "image"), "name": argument(cty.String), "mac": {Type: cty.String, Replaces: true},
			"address": {Type: cty.String, Computed: true, From: []string{"name"}},
			"timeout": {Type: cty.String, Manner: true, Default: cty.StringVal("10m")},
		},
		Blocks: map[string]*resource.Block{"rollout": {Single: true, Manner: true, Schema: resource.Schema{Attributes: map[string]*resource.Attribute{
			"canary": argument(cty.String), "max_unavailable": argument(cty.String), "max_failed": argument(cty.String),
		}}}, "health": {Single: true, Schema: resource.Schema{Attributes: map[string]*resource.Attribute{
			"units": argument(cty.List(cty.String)),
		}}}, "pin": {Schema: resource.Schema{Attributes: map[string]*resource.Attribute{
			"image": reference("image"), "members": {Type: cty.DynamicPseudoType, Refers: []string{"server", "node"}, Names: true},
		}}}},
	},
	"step.file": {Attributes: map[string]*resource.Attribute{
		"path": {Type: cty.String, Required: true, Replaces: true}, "content": argument(cty.String),
		"password": {Type: cty.String, Sensitive: true},
	}},
	"step.command": {Attributes: map[string]*resource.Attribute{
		"run": argument(cty.String), "output": {Type: cty.String, Computed: true},
	}},
	"step.package": {Attributes: map[string]*resource.Attribute{"names": argument(cty.List(cty.String))}},
	"step.unit": {Attributes: map[string]*resource.Attribute{
		"kind_of": argument(cty.String), "image": reference("image"), "config": argument(cty.DynamicPseudoType),
	}},
}

// sim is one type of the simulated world.
type sim struct {
	name string
	seen map[string]resource.Observation // by address
}

func types(seen map[string]resource.Observation) map[string]resource.Type {
	all := map[string]resource.Type{}
	for name := range schemas {
		s := &sim{name, seen}
		if name == "step.file" || name == "step.command" || name == "step.package" {
			all[name] = &simBatch{s}
		} else {
			all[name] = s
		}
	}
	return all
}

func (s *sim) Name() string             { return s.name }
func (s *sim) Schema() *resource.Schema { return schemas[s.name] }

func (s *sim) Summary(config cty.Value) string {
	switch s.name {
	case "network":
		var cidrs []string
		for _, c := range config.GetAttr("cidr").AsValueSlice() {
			cidrs = append(cidrs, c.AsString())
		}
		return strings.Join(cidrs, ", ") + " on " + config.GetAttr("interface").AsString()
	case "image":
		return config.GetAttr("from").AsString()
	case "step.file":
		if p := config.GetAttr("path"); p.IsKnown() {
			return p.AsString()
		}
	}
	return ""
}

// Outfit says that images are what they are made from.
func (s *sim) Outfit(config cty.Value) (o resource.Outfit) {
	switch s.name {
	case "image":
		var suite string
		o.Distribution, suite, _ = strings.Cut(config.GetAttr("from").AsString(), ":")
		if o.Listed = suite != ""; o.Listed {
			o.Packages = texts(config.GetAttr("packages"))
		}
	case "node":
		if boot := config.GetAttr("boot"); !boot.IsNull() {
			o.Like = boot.GetAttr("addr").AsString()
		}
	}
	return o
}

func (s *sim) Supplies(config cty.Value) []string {
	if s.name != "step.package" {
		return nil
	}
	return texts(config.GetAttr("names"))
}

func texts(list cty.Value) (all []string) {
	if list.IsNull() {
		return nil
	}
	for _, e := range list.AsValueSlice() {
		all = append(all, e.AsString())
	}
	return all
}

// Consequence is for nodes whose image changes.
func (s *sim) Consequence(m resource.Modification) string {
	if s.name != "node" || m.Config.GetAttr("boot").IsNull() || m.Prior.IsNull() {
		return ""
	}
	return "takes effect when it reboots"
}

func (s *sim) Read(_ context.Context, requests []resource.ReadRequest) []resource.Observation {
	out := make([]resource.Observation, len(requests))
	for i, r := range requests {
		out[i] = s.seen[r.Addr]
	}
	return out
}

func (s *sim) Apply(_ context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	return s.compute(r.Addr), nil
}

func (s *sim) compute(at string) map[string]cty.Value {
	computed := map[string]cty.Value{}
	for name, a := range s.Schema().Attributes {
		if a.Computed && a.Type == cty.String {
			computed[name] = cty.StringVal(fmt.Sprintf("%s of %s", name, at))
		}
	}
	return computed
}

// Import finds servers whose ID begins with "10.".
func (s *sim) Import(_ context.Context, r resource.ImportRequest) (map[string]cty.Value, error) {
	if s.name != "server" || !strings.HasPrefix(r.ID, "10.") {
		return nil, fmt.Errorf("there is no %s %q", s.name, r.ID)
	}
	return map[string]cty.Value{"port": cty.NumberIntVal(22)}, nil
}

func (s *sim) Destroy(context.Context, resource.DestroyRequest) error { return nil }

type simBatch struct{ *sim }

func (s *simBatch) ApplyBatch(_ context.Context, b resource.Batch, done func(int, map[string]cty.Value, error)) {
	for i, m := range b.Members {
		computed := map[string]cty.Value{}
		if m.Type == "command" {
			computed["output"] = cty.StringVal("output of " + m.Addr)
		}
		done(i, computed, nil)
	}
}
