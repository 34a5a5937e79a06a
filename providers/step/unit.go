package step

import (
	"context"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
)

// unit starts, changes or ends a unit. Its name on the machine is the step's address.
func (s *session) unit(ctx context.Context, m resource.Member) (map[string]cty.Value, error) {
	var status spec.UnitStatus
	if m.Action == resource.Delete {
		return nil, s.client.Do(ctx, spec.OpUnitRemove, spec.Named{Name: m.Addr}, &status)
	}
	unit, err := unitOf(m)
	if err != nil {
		return nil, err
	}
	if err := s.client.Do(ctx, spec.OpUnitPut, unit, &status); err != nil {
		return nil, err
	}
	if status.State != spec.UnitReady {
		return nil, fmt.Errorf("unit %s is %s: %s", unit.Type, status.State, status.Detail)
	}
	s.inPlace = append(s.inPlace, placed{position: m.Position, unit: &unit})
	return map[string]cty.Value{"detail": cty.StringVal(status.Detail)}, nil
}

func unitOf(m resource.Member) (spec.UnitSpec, error) {
	unit := spec.UnitSpec{Name: m.Addr, Type: object.String(m.Config, "unit"), Config: []byte("{}")}
	if config := object.Get(m.Config, "config"); config != cty.NilVal {
		config = withoutNulls(config)
		data, err := ctyjson.Marshal(config, config.Type())
		if err != nil {
			return unit, fmt.Errorf("config: %w", err)
		}
		unit.Config = data
	}
	return unit, nil
}

// withoutNulls takes away attributes that are null, at every depth: an argument that is not set is none.
func withoutNulls(v cty.Value) cty.Value {
	if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsTupleType() {
		return v
	}
	if v.Type().IsTupleType() {
		var list []cty.Value
		for _, e := range v.AsValueSlice() {
			list = append(list, withoutNulls(e))
		}
		return cty.TupleVal(list)
	}
	attrs := map[string]cty.Value{}
	for name, a := range v.AsValueMap() {
		if !a.IsNull() {
			attrs[name] = withoutNulls(a)
		}
	}
	return cty.ObjectVal(attrs)
}
