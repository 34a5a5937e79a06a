package lang

import (
	"time"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/crypto/bcrypt"
)

// changing are the functions that give another answer each time. Their results are unknown when planning, and found by apply.
var changing = [...]string{"timestamp", "uuid", "bcrypt"}

// timeFunctions need an evaluator: it knows when the plan was made, and whether one is being made.
func (e *Evaluator) timeFunctions() map[string]function.Function {
	return map[string]function.Function{
		"plantimestamp": nullary(func() (cty.Value, error) { return cty.StringVal(e.planTime.UTC().Format(time.RFC3339)), nil }),
		"timestamp":     nullary(e.onlyApplying(func() (cty.Value, error) { return cty.StringVal(time.Now().UTC().Format(time.RFC3339)), nil })),
		"uuid":          nullary(e.onlyApplying(randomUUID)),
		"bcrypt":        e.bcryptFunction(),
		"timecmp":       timecmpFunction(),
	}
}

func nullary(f func() (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Type: function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return f() },
	})
}

// onlyApplying returns f with an unknown result while a plan is made.
func (e *Evaluator) onlyApplying(f func() (cty.Value, error)) func() (cty.Value, error) {
	return func() (cty.Value, error) {
		if e.planning() {
			return cty.UnknownVal(cty.String).RefineNotNull(), nil
		}
		return f()
	}
}

func randomUUID() (cty.Value, error) {
	id, err := uuid.NewRandom()
	return cty.StringVal(id.String()), err
}

func (e *Evaluator) bcryptFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{param("string", cty.String)},
		VarParam: &function.Parameter{Name: "cost", Type: cty.Number},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			cost := bcrypt.DefaultCost
			if len(args) > 2 {
				return cty.NilVal, function.NewArgErrorf(2, "bcrypt takes a string, and perhaps a cost")
			}
			if len(args) == 2 {
				n, err := integer(args[1])
				if err != nil || !n.IsInt64() || n.Int64() < int64(bcrypt.MinCost) || n.Int64() > int64(bcrypt.MaxCost) {
					return cty.NilVal, function.NewArgErrorf(1, "want a whole number from %d to %d", bcrypt.MinCost, bcrypt.MaxCost)
				}
				cost = int(n.Int64())
			}
			return e.onlyApplying(func() (cty.Value, error) {
				hash, err := bcrypt.GenerateFromPassword([]byte(args[0].AsString()), cost)
				if err != nil {
					return cty.NilVal, function.NewArgErrorf(0, "want at most 72 bytes")
				}
				return cty.StringVal(string(hash)), nil
			})()
		},
	})
}

func timecmpFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param("a", cty.String), param("b", cty.String)},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var times [2]time.Time
			for i, a := range args {
				var err error
				if times[i], err = time.Parse(time.RFC3339, a.AsString()); err != nil {
					return cty.NilVal, function.NewArgErrorf(i, "want a time like 2026-01-31T12:00:00Z (RFC 3339)")
				}
			}
			return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
		},
	})
}
