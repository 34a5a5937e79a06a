package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/imagestore"
	"viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/object"
)

// Machines brings steps about on machines. Agents and Images must be set.
type Machines struct {
	Agents *agents.Agents
	// Images opens the operator's image store.
	Images func() (*imagestore.Store, error)
	// Patience is how long to look for a node of which nothing is wanted any more; 0: 15 s.
	Patience time.Duration
}

// Types returns one resource type for each type of step. All of them work through batches of any of them.
func Types(m *Machines) []resource.Type {
	var all []resource.Type
	for _, t := range step.Types() {
		all = append(all, &Type{name: t.Name, schema: schemaOf(t), machines: m})
	}
	return append(all,
		&Type{name: unitType, schema: unitSchema(), machines: m},
		&Type{name: imageType, schema: imageSchema(), machines: m})
}

// Type is the resource type of one type of step.
type Type struct {
	name     string
	schema   *resource.Schema
	machines *Machines
}

var (
	_ resource.Batcher = (*Type)(nil)
	_ resource.Reader  = (*Type)(nil)
)

// Name implements resource.Type.
func (t *Type) Name() string { return "step." + t.name }

// Schema implements resource.Type.
func (t *Type) Schema() *resource.Schema { return t.schema }

// errOnMachine is for a planner that forgets what a Batcher is.
var errOnMachine = errors.New("a step on a machine is brought about in a batch: this is a fault of viver")

// Apply is called for a step that is baked into an image: the image brings it about. The document is checked.
func (t *Type) Apply(_ context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	if object.String(r.Config, "on", "kind") != "image" {
		return nil, errOnMachine
	}
	if t.name == unitType || t.name == imageType {
		return nil, fmt.Errorf("a step %q acts on a server, not on an image", t.name)
	}
	_, err := Document(r.Addr, t.name, r.Config)
	return nil, err
}

// Destroy does nothing: without the step, the image is another one.
func (t *Type) Destroy(context.Context, resource.DestroyRequest) error { return nil }

// timeoutOf reads the argument timeout; 0 if it is not set.
func timeoutOf(config cty.Value) (time.Duration, error) {
	text := object.String(config, "timeout")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("timeout %q: want a duration like \"90s\" or \"10m\"", text)
	}
	return d, nil
}
