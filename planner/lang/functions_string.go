package lang

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// stringFunctions are those of OpenTofu that cty lacks.
func stringFunctions() map[string]function.Function {
	return map[string]function.Function{
		"startswith":  predicate("prefix", strings.HasPrefix),
		"endswith":    predicate("suffix", strings.HasSuffix),
		"strcontains": predicate("part", strings.Contains),
		"replace":     replaceFunction(),
	}
}

func predicate(name string, f func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("text", cty.String), param(name, cty.String)},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// replaceFunction is replace(text, old, new); an old like "/x+/" is a regular expression.
func replaceFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("text", cty.String), param("old", cty.String), param("new", cty.String)},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if old := args[1].AsString(); len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
				return stdlib.RegexReplace(args[0], cty.StringVal(old[1:len(old)-1]), args[2])
			}
			return stdlib.Replace(args[0], args[1], args[2])
		},
	})
}
