package lang

import (
	"context"
	"io/fs"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

type mark string

// Sensitive marks a value that must not be shown, written to state or logged.
const Sensitive = mark("sensitive")

// LoadOptions says what a configuration may consist of.
type LoadOptions struct {
	// Schemas are the block types that exist, by the names of their resource.Type: "image", "node", "step.file".
	Schemas map[string]*resource.Schema
	// Builtin holds a folder for each source "builtin/NAME"; nil: there are none.
	Builtin fs.FS
	// Version of this viver ("0.1.0"), for required_version; empty: not checked.
	Version string
}

type Config struct{}

type Evaluator struct{}

// Input is a value for a variable of the root module.
type Input struct {
	Name string
	// Text is an HCL expression, or for variables of type string the string itself. It counts where Value is cty.NilVal.
	Text  string
	Value cty.Value
	// Source says for error messages where it came from: "--var", "prod.viver.vars:3", "VIVER_VAR_x".
	Source string
}

func Load(dir string, o LoadOptions) (*Config, hcl.Diagnostics) { return nil, nil }

func (c *Config) Files() map[string]*hcl.File { return nil }

func ReadVarFile(path string) ([]Input, hcl.Diagnostics) { return nil, nil }

func NewEvaluator(c *Config, inputs []Input) (*Evaluator, hcl.Diagnostics) { return nil, nil }

func (e *Evaluator) Walk(ctx context.Context, visit func(*Instance, Object) (cty.Value, hcl.Diagnostics)) hcl.Diagnostics {
	return nil
}
func (e *Evaluator) Set(number int, v cty.Value)                   {}
func (e *Evaluator) Evaluate(number int) (Object, hcl.Diagnostics) { return Object{}, nil }
func (e *Evaluator) Outputs() (map[string]Output, hcl.Diagnostics) { return nil, nil }
func (e *Evaluator) Checks() ([]Check, hcl.Diagnostics)            { return nil, nil }
