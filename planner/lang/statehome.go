package lang

import (
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/source"
)

// StateHome is the block `state "KIND" { ... }` in the viver block of a root module: where the state is kept.
type StateHome struct {
	Kind      string // "ssh"
	Arguments map[string]StateArgument
	Range     hcl.Range // of the block's header
}

// StateArgument is one argument of a StateHome. It is constant and known.
type StateArgument struct {
	Value cty.Value
	Range hcl.Range
}

var stateBlock = hcl.BlockHeaderSchema{Type: "state", LabelNames: []string{"kind"}}

// ReadStateHome says where the state of the configuration in a folder is kept; nil: beside it. It reads nothing else, so that a configuration
// with other faults will do. Where a fault may hide the block, there are errors. The files are for snippets.
func ReadStateHome(folder string) (*StateHome, map[string]*hcl.File, hcl.Diagnostics) {
	dir, err := source.Local(folder)
	if err != nil {
		return nil, nil, nil
	}
	l := &loader{parser: hclparse.NewParser()}
	bodies := l.parse(dir)
	faults := l.diags
	l.diags = nil
	home := l.findStateHome(bodies)
	if home == nil && len(l.diags) == 0 && faults.HasErrors() && l.mayHideState() {
		return nil, l.parser.Files(), append(hcl.Diagnostics{errorf(nil, "Where is the state?",
			"The configuration may say where the state is kept, but cannot be read. Put what is wrong right first.")}, faults...)
	}
	return home, l.parser.Files(), l.diags
}

func (l *loader) findStateHome(bodies []hcl.Body) (home *StateHome) {
	for _, body := range bodies {
		content, _, diags := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "viver"}}})
		l.report(diags...)
		for _, settings := range content.Blocks {
			inner, _, diags := settings.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{stateBlock}})
			l.report(diags...)
			for _, b := range inner.Blocks {
				if home != nil {
					l.declared("the state block", &home.Range, b.DefRange)
					continue
				}
				home = l.decodeState(b)
			}
		}
	}
	return home
}

// looksLikeState finds the block in text that is no HCL or JSON.
var looksLikeState = regexp.MustCompile(`\bstate"?\s*[:"{]`)

func (l *loader) mayHideState() bool {
	for _, f := range l.parser.Files() {
		if looksLikeState.Match(f.Bytes) {
			return true
		}
	}
	return false
}

// decodeState reads the block. Which arguments there are is its kind's business.
func (l *loader) decodeState(b *hcl.Block) *StateHome {
	home := &StateHome{Kind: b.Labels[0], Arguments: map[string]StateArgument{}, Range: b.DefRange}
	attrs, diags := b.Body.JustAttributes()
	l.report(diags...)
	for _, name := range sortedKeys(attrs) {
		a := attrs[name]
		l.constant(a, cty.DynamicPseudoType, func(v cty.Value) { home.Arguments[name] = StateArgument{v, a.Expr.Range()} })
	}
	return home
}

// checkState checks the form of the state block of a module.
func (l *loader) checkState(m *module, b *hcl.Block) {
	if len(l.order) > 0 && l.order[0] != m {
		l.report(errorf(&b.DefRange, "State in a Pac", "Where the state is kept is said once, in the root module."))
		return
	}
	l.decodeState(b)
}
