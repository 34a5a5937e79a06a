package ui

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/addr"
	"viver/planner/console"
	"viver/planner/state"
)

// WriteInstance writes what is remembered of an instance, in the form of a block of the language: arguments, then what was found out.
func WriteInstance(w io.Writer, i *state.Instance) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s", i.Addr)
	if i.Status != state.Complete {
		fmt.Fprintf(&b, " (%s)", i.Status)
	}
	if i.Machine != "" {
		fmt.Fprintf(&b, " on %s", i.Machine)
	}
	fmt.Fprintf(&b, "\n%s {\n", blockHeader(i))
	inputs := map[string]cty.Value{}
	if !i.Inputs.IsNull() && i.Inputs.Type().IsObjectType() {
		inputs = i.Inputs.AsValueMap()
	}
	writeAttributes(&b, inputs, func(name string) bool { return i.Refs[name] != nil || name == "on" && i.Machine != "" })
	if len(i.Computed) > 0 {
		b.WriteString("\n  # found out\n")
		writeAttributes(&b, i.Computed, func(string) bool { return false })
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func blockHeader(i *state.Instance) string {
	name := i.Addr
	if at, err := addr.Parse(i.Addr); err == nil {
		name = at.Name
	}
	if step, ok := strings.CutPrefix(i.Type, addr.StepPrefix); ok {
		return fmt.Sprintf("step %q %q", step, name)
	}
	return fmt.Sprintf("%s %q", i.Type, name)
}

// writeAttributes writes values; those that are addresses stand without quotes.
func writeAttributes(b *strings.Builder, attrs map[string]cty.Value, isAddress func(name string) bool) {
	width := 0
	for name, v := range attrs {
		if !v.IsNull() {
			width = max(width, len(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		v := attrs[name]
		if v.IsNull() {
			continue
		}
		text := strings.ReplaceAll(console.Format(withoutDigests(v)), "\n", "\n  ")
		if isAddress(name) && v.Type() == cty.String {
			text = v.AsString()
		}
		fmt.Fprintf(b, "  %-*s = %s\n", width, name, text)
	}
}

// withoutDigests marks what is remembered of sensitive values, which says nothing to anybody.
func withoutDigests(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() && strings.HasPrefix(v.AsString(), "hmac-sha256:") {
			return v.Mark("sensitive"), nil
		}
		return v, nil
	})
	if err != nil {
		return v
	}
	return out
}

// JSONInstance is what is remembered of an instance, for encoding/json. Of sensitive values there are digests.
func JSONInstance(i *state.Instance) any {
	values := map[string]any{}
	if !i.Inputs.IsNull() && i.Inputs.Type().IsObjectType() {
		for name, v := range i.Inputs.AsValueMap() {
			values[name] = ctyjson.SimpleJSONValue{Value: v}
		}
	}
	computed := map[string]any{}
	for name, v := range i.Computed {
		computed[name] = ctyjson.SimpleJSONValue{Value: v}
	}
	f := fields{"addr": i.Addr, "group": i.Group, "type": i.Type, "status": i.Status, "arguments": values, "computed": computed, "depends_on": i.Depends}
	if i.Machine != "" {
		f["machine"] = i.Machine
	}
	return f
}

// JSONState is all that is remembered, for encoding/json.
func JSONState(s *state.State) any {
	outputs := fields{}
	for name, o := range s.Outputs {
		outputs[name] = JSONOutput(Output{Value: o.Value, Sensitive: o.Sensitive, Description: o.Description})
	}
	instances := []any{}
	for _, i := range Ordered(s) {
		instances = append(instances, JSONInstance(i))
	}
	return fields{"lineage": s.Lineage, "serial": s.Serial, "outputs": outputs, "instances": instances}
}

// Ordered lists the instances of a state as people count.
func Ordered(s *state.State) []*state.Instance {
	list := slices.Collect(maps.Values(s.Instances))
	slices.SortFunc(list, func(a, b *state.Instance) int {
		x, errX := addr.Parse(a.Addr)
		y, errY := addr.Parse(b.Addr)
		if errX != nil || errY != nil {
			return addr.Natural(a.Addr, b.Addr)
		}
		return addr.Compare(x, y)
	})
	return list
}
