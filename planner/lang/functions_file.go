package lang

import (
	"encoding/base64"
	"fmt"
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
	globs     map[string]cached[[]string]
}

type cached[T any] struct {
	value T
	err   error
}

func newFileCache() *fileCache {
	return &fileCache{
		files: map[string]cached[[]byte]{}, exist: map[string]cached[bool]{},
		templates: map[string]cached[hclsyntax.Expression]{}, globs: map[string]cached[[]string]{},
	}
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

// functions returns those that read files, by names relative to a module's folder.
func (c *fileCache) functions(dir source.Dir) map[string]function.Function {
	all := map[string]function.Function{
		"file":       textFunction("path", func(name string) (string, error) { return c.text(dir, name) }),
		"filebase64": c.reading(dir, base64.StdEncoding.EncodeToString),
		"fileexists": function.New(&function.Spec{
			Params: []function.Parameter{param("path", cty.String)},
			Type:   function.StaticReturnType(cty.Bool),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				ok, err := c.exists(dir, args[0].AsString())
				return cty.BoolVal(ok), err
			},
		}),
		"fileset": function.New(&function.Spec{
			Params: []function.Parameter{param("path", cty.String), param("pattern", cty.String)},
			Type:   function.StaticReturnType(cty.Set(cty.String)),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				names, err := c.glob(dir, args[0].AsString(), args[1].AsString())
				if err != nil || len(names) == 0 {
					return cty.SetValEmpty(cty.String), err
				}
				all := make([]cty.Value, len(names))
				for i, name := range names {
					all[i] = cty.StringVal(name)
				}
				return cty.SetVal(all), nil
			},
		}),
	}
	for name, sum := range digests() {
		all["file"+name] = c.reading(dir, sum)
	}
	return all
}

// reading makes a function of a file's name that says something of its bytes.
func (c *fileCache) reading(dir source.Dir, f func([]byte) string) function.Function {
	return textFunction("path", func(name string) (string, error) {
		data, err := c.read(dir, name)
		if err != nil {
			return "", err
		}
		return f(data), nil
	})
}

// contentOf is what the function filebase64 of a module says of a file; null of null.
func contentOf(name cty.Value, ctx *hcl.EvalContext) (cty.Value, error) {
	for ctx.Functions == nil {
		ctx = ctx.Parent()
	}
	if name.IsNull() {
		return name, nil
	}
	return ctx.Functions["filebase64"].Call([]cty.Value{name})
}

func (c *fileCache) glob(dir source.Dir, path, pattern string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.globs, dir.Path+"\x00"+path+"\x00"+pattern, func() ([]string, error) { return dir.Glob(path, pattern) })
}

func (c *fileCache) exists(dir source.Dir, name string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return once(c.exist, dir.Path+"\x00"+name, func() (bool, error) { return dir.Exists(name) })
}
