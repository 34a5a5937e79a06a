package simulate

import (
	"context"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// Summary implements resource.Summarizer.
func (s *simulated) Summary(config cty.Value) string {
	if t, ok := s.Type.(resource.Summarizer); ok {
		return t.Summary(config)
	}
	return ""
}

// Outfit implements resource.Outfitter.
func (s *simulated) Outfit(config cty.Value) resource.Outfit {
	if t, ok := s.Type.(resource.Outfitter); ok {
		return t.Outfit(config)
	}
	return resource.Outfit{}
}

// Supplies implements resource.Supplier.
func (s *simulated) Supplies(config cty.Value) []string {
	if t, ok := s.Type.(resource.Supplier); ok {
		return t.Supplies(config)
	}
	return nil
}

// importable is a type of what can be there already: in this world whatever one asks for is.
type importable struct{ *simulated }

// Import implements resource.Importer.
func (s *importable) Import(_ context.Context, r resource.ImportRequest) (map[string]cty.Value, error) {
	w := s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.obstacle(r.Addr, ""); err != nil {
		return nil, err
	}
	return w.put(s.Schema(), s.Name(), r.Addr, "", r.Config), nil
}
