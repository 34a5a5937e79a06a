package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
	"viver/providers/requires"
)

const packageType = "package"

var _ resource.Supplier = (*Type)(nil)

// Supplies implements resource.Supplier.
func (t *Type) Supplies(config cty.Value) []string {
	if t.name != packageType {
		return nil
	}
	return object.Strings(config, "names")
}

// look asks the machine, once for each session, whether it has what the members' Pacs require.
func (s *session) look(ctx context.Context) error {
	var given [][]resource.Requirement
	for _, m := range s.batch.Members {
		if m.Action != resource.Delete {
			given = append(given, m.Requires)
		}
	}
	needs := requires.Of(given)
	if len(needs) == 0 {
		return nil
	}
	place := requires.Place{Name: s.batch.Machine.GetAttr("addr").AsString(), Kind: object.String(s.batch.Machine, "kind")}
	if name := object.String(s.batch.Machine, "name"); s.onNode && name != "" {
		place.Name = name
	}
	config, err := json.Marshal(map[string]string{"run": requires.Script(place, needs, s.supplied())})
	if err != nil {
		return err
	}
	var answer spec.StepResult
	run := spec.StepRun{Mode: spec.ModeApply, Steps: []spec.Step{{ID: "requires", Type: factType, Config: config}}}
	_, err = s.client.Call(ctx, spec.OpSteps, run, nil, func(r spec.Reply) {
		if r.Event != nil {
			err = json.Unmarshal(r.Event, &answer)
		}
	})
	if err == nil && answer.Status == spec.StepFailed {
		err = errors.New(answer.Output)
	}
	if err != nil {
		return fmt.Errorf("look whether what Pacs require is there: %w", err)
	}
	s.unmet = map[string]error{}
	for i, e := range requires.Unmet(answer.Output) {
		s.unmet[needs[i].Pac] = e
	}
	return nil
}

// supplied are the packages that steps on the machine bring.
func (s *session) supplied() (names []string) {
	for _, list := range [][]resource.Member{s.batch.Kept, s.batch.Members} {
		for _, m := range list {
			if m.Type == packageType && m.Action != resource.Delete {
				names = append(names, object.Strings(m.Config, "names")...)
			}
		}
	}
	return names
}

// unfit says which requirements of a member's Pacs are not met.
func (s *session) unfit(m resource.Member) (err error) {
	if m.Action == resource.Delete {
		return nil
	}
	for _, r := range m.Requires {
		err = errors.Join(err, s.unmet[r.Pac])
	}
	return err
}
