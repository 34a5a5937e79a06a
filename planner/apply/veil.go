package apply

import (
	"cmp"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
	"viver/planner/plan"
)

// veil takes secrets out of what the world says about a change: those of the configuration, and those in the change's own arguments. A
// program that fails likes to quote what it was given.
func (r *run) veil(c *plan.Change) *strings.Replacer {
	secrets := slices.Clone(r.Secrets)
	if c.Config != cty.NilVal {
		secrets = append(secrets, lang.SensitiveTexts(c.Config)...)
	}
	// The longest first: a Replacer takes the first that fits.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, s := range slices.Compact(secrets) {
		pairs = append(pairs, s, "(sensitive value)")
	}
	return strings.NewReplacer(pairs...)
}

// veiled is an error that quotes no secret of a change; nil stays nil.
func (r *run) veiled(c *plan.Change, err error) error {
	if err == nil {
		return nil
	}
	before := err.Error()
	if text := r.veil(c).Replace(before); text != before {
		return &veiledError{text, err}
	}
	return err
}

// veiledError is an error with another text. What it is stays what it is for errors.Is and errors.As.
type veiledError struct {
	text string
	err  error
}

func (e *veiledError) Error() string { return e.text }
func (e *veiledError) Unwrap() error { return e.err }
