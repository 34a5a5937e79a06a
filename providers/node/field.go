package node

import (
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
)

// fieldBlock is the block "field": how a node takes part in the shared root.
func fieldBlock() *resource.Block {
	return &resource.Block{Single: true, Schema: resource.Schema{
		Doc: "How it takes part in V-FIELD: machines hold the image for one another in their RAM. A change counts from its next boot.",
		Attributes: map[string]*resource.Attribute{
			"memory": {
				Type: cty.String, Check: checkMemory,
				Doc: "How much of its RAM holds a share of the image: a part of it, or bytes like \"512MiB\"; unset: \"" + field.DefaultShare + "\".",
			},
			"replicas": {Type: cty.Number, Check: checkReplicas, Doc: "How many machines hold each chunk, 1 to 16; unset: 3. It should be the same on all nodes."},
			"deputy":   {Type: cty.Bool, Default: cty.False, Doc: "Whether it admits machines while no server can be reached. It is told what servers know, the steps of all nodes among it. It needs a mac."},
			"prefer":   {Type: cty.Map(cty.Number), Check: checkPrefer, Doc: "How much more often than others machines are asked, by their names: { seed2 = 4 }."},
		},
		Blocks: map[string]*resource.Block{"pin": pinBlock()},
	}}
}

// fieldOf is what the configuration of a node says of the shared root; nil if that is nothing.
func fieldOf(config cty.Value) (*spec.FieldSpec, error) {
	block := object.Get(config, "field")
	if block == cty.NilVal {
		return nil, nil
	}
	f := &spec.FieldSpec{
		Memory: object.String(block, "memory"), Replicas: object.Int(block, "replicas"),
		Deputy: object.Bool(block, "deputy"), Prefer: object.Numbers(block, "prefer"),
	}
	for _, p := range object.Elements(block, "pin") {
		pin, err := pinOf(p, object.Get(config, "boot", "image"))
		if err != nil {
			return nil, fmt.Errorf("field: %w", err)
		}
		f.Pins = append(f.Pins, pin)
	}
	return f, nil
}

// checkDeputy demands that a deputy's name is one machine's: any other that took it would be told what servers know.
func checkDeputy(config cty.Value) error {
	mac := config.GetAttr("mac")
	if !object.Bool(config, "field", "deputy") || !mac.IsKnown() || !mac.IsNull() {
		return nil
	}
	return fmt.Errorf("a deputy is told the keys of the servers, and without a mac any machine can take the name %q: "+
		"set its mac, which viver nodes shows of a machine that has come, or deputy = false", object.String(config, "name"))
}

func checkMemory(v cty.Value) error { return field.CheckShare(v.AsString()) }

func checkReplicas(v cty.Value) error {
	if n, _ := v.AsBigFloat().Int64(); n < 1 || n > 16 || !v.AsBigFloat().IsInt() {
		return errors.New("each chunk can be held by 1 to 16 machines")
	}
	return nil
}

func checkPrefer(v cty.Value) error {
	for name, e := range v.AsValueMap() {
		if err := checkName(cty.StringVal(name)); err != nil {
			return err
		}
		if e.IsNull() {
			return fmt.Errorf("the factor for %s is null: leave it out, or write 1", name)
		}
		if factor, _ := e.AsBigFloat().Float64(); !(factor > 0 && factor < 1e6) {
			return fmt.Errorf("the factor for %s is not above 0 and below a million: 2 means twice as often, 0.5 half as often", name)
		}
	}
	return nil
}
