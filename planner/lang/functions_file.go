package lang

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"viver/planner/source"
)

// fileCache holds what expressions read from files. Each is read once, so that apply sees what plan saw.
type fileCache struct {
	mu        sync.Mutex
	files     map[string]cached[[]byte]
	exist     map[string]cached[bool]
	templates map[string]cached[hclsyntax.Expression]
}

type cached[T any] struct {
	value T
	err   error
}

func newFileCache() *fileCache {
	return &fileCache{files: map[string]cached[[]byte]{}, exist: map[string]cached[bool]{}, templates: map[string]cached[hclsyntax.Expression]{}}
}

// once returns m[key], which get makes at the first call.
func once[T any](m map[string]cached[T], key string, get func() (T, error)) (T, error) {
	c, ok := m[key]
	if !ok {
		c.value, c.err = get()
		m[key] = c
	}
	return c.value, c.err
}

func (c *fileCache) read(dir source.Dir, name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.files, dir.Path+"\x00"+name, func() ([]byte, error) { return dir.ReadFile(name) })
}

func (c *fileCache) text(dir source.Dir, name string) (string, error) {
	data, err := c.read(dir, name)
	if err == nil && !utf8.Valid(data) {
		err = fmt.Errorf("file %s is not text in UTF-8; filebase64 reads any file", name)
	}
	return string(data), err
}

// functions returns those that read files, by names relative to a module's folder. Those and others may be used within
// templates, templatefile itself excepted.
func (c *fileCache) functions(dir source.Dir, others map[string]function.Function) map[string]function.Function {
	own := map[string]function.Function{
		"file": textFunction("name", func(name string) (string, error) { return c.text(dir, name) }),
		"filebase64": textFunction("name", func(name string) (string, error) {
			data, err := c.read(dir, name)
			return base64.StdEncoding.EncodeToString(data), err
		}),
		"fileexists": function.New(&function.Spec{
			Params: []function.Parameter{param("name", cty.String)},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				ok, err := c.exists(dir, args[0].AsString())
				return cty.BoolVal(ok), err
			},
		}),
	}
	inTemplates := maps.Clone(others)
	maps.Copy(inTemplates, own)
	own["templatefile"] = c.templateFunction(dir, inTemplates)
	return own
}

func (c *fileCache) exists(dir source.Dir, name string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.exist, dir.Path+"\x00"+name, func() (bool, error) { return dir.Exists(name) })
}

// templateFunction is templatefile(name, object): the file is a template in which the object's attributes are names.
func (c *fileCache) templateFunction(dir source.Dir, functions map[string]function.Function) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		x, err := c.template(dir, args[0].AsString())
		if err != nil {
			return cty.DynamicVal, function.NewArgError(0, err)
		}
		if ty := args[1].Type(); !ty.IsObjectType() && !ty.IsMapType() {
			return cty.DynamicVal, function.NewArgErrorf(1, "want an object, not %s", ty.FriendlyName())
		}
		vars := args[1].AsValueMap()
		for _, t := range x.Variables() {
			if _, ok := vars[t.RootName()]; !ok {
				return cty.DynamicVal, function.NewArgErrorf(1, "the template names %q at %s, which is not among the values given", t.RootName(), t.SourceRange())
			}
		}
		v, diags := x.Value(&hcl.EvalContext{Variables: vars, Functions: functions})
		return v, firstError(diags)
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{param("name", cty.String), param("values", cty.DynamicPseudoType)},
		Type: func(args []cty.Value) (cty.Type, error) {
			if !args[0].IsKnown() || !args[1].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := render(args)
			return v.Type(), err
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}

func (c *fileCache) template(dir source.Dir, name string) (hclsyntax.Expression, error) {
	text, err := c.text(dir, name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.templates, dir.Path+"\x00"+name, func() (hclsyntax.Expression, error) {
		x, diags := hclsyntax.ParseTemplate([]byte(text), dir.Label(name), hcl.InitialPos)
		return x, firstError(diags)
	})
}

// firstError returns the first error among diagnostics with its place, or nil.
func firstError(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity == hcl.DiagError {
			if d.Subject == nil {
				return errors.New(d.Detail)
			}
			return fmt.Errorf("%s: %s", d.Subject, d.Detail)
		}
	}
	return nil
}
