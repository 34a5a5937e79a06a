package planfile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/lang"
	"viver/planner/plan"
	"viver/planner/resource"
	"viver/planner/state"
)

// Basis is what a plan is made from.
type Basis struct {
	State  *state.State
	Files  map[string]*hcl.File // of the configuration
	Inputs []lang.Input
	Types  map[string]resource.Type
	Time   time.Time // of planning; not looked at by Check
}

// Make describes a plan.
func Make(version string, scope Scope, b Basis, p *plan.Plan) (*File, error) {
	f := &File{
		Version: version, Scope: scope, Lineage: p.Lineage, Serial: p.Serial, Time: b.Time.UTC(), Configuration: b.configuration(), Variables: b.variables(),
		Plan: b.digest(p.Describe), Seen: map[string]Seen{},
	}
	for at, o := range p.Seen {
		if o.Status == resource.Present && o.Reason == "" && len(o.Computed) == 0 {
			continue
		}
		s := Seen{Status: int(o.Status), Reason: o.Reason}
		for name, v := range o.Computed {
			if b.secret(at, name) {
				continue
			}
			raw, err := ctyjson.Marshal(v, cty.DynamicPseudoType)
			if err != nil {
				return nil, fmt.Errorf("save the plan: %s of %s: %w", name, at, err)
			}
			if s.Computed == nil {
				s.Computed = map[string]json.RawMessage{}
			}
			s.Computed[name] = raw
		}
		f.Seen[at] = s
	}
	return f, nil
}

func (b Basis) secret(at, name string) bool {
	i := b.State.Instance(at)
	if i == nil || b.Types[i.Type] == nil {
		return true
	}
	a := b.Types[i.Type].Schema().Attributes[name]
	return a == nil || a.Sensitive
}

// ErrStale is wrapped by the errors of Check and Same.
var ErrStale = errors.New("the plan is stale")

func stale(format string, args ...any) error {
	return fmt.Errorf("%w: %s: make a new one with viver plan --out FILE", ErrStale, fmt.Sprintf(format, args...))
}

// Check says what has changed since the plan was made, and should not have.
func (f *File) Check(b Basis) error {
	switch {
	case f.Lineage != b.State.Lineage:
		return stale("it was made for another state")
	case f.Serial != b.State.Serial:
		return stale("the state has changed since (it had serial %d and has %d)", f.Serial, b.State.Serial)
	case f.Configuration != b.configuration():
		return stale("the configuration has changed since")
	}
	return f.checkVariables(b.variables())
}

func (f *File) checkVariables(given map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(f.Variables)) {
		switch digest, ok := given[name]; {
		case !ok:
			return fmt.Errorf("apply: the plan was made with a value for variable %q, which the file does not keep: give it again, with --var, --var-file or VIVER_VAR_%s", name, name)
		case digest != f.Variables[name]:
			return fmt.Errorf("apply: the plan was made with another value for variable %q: give the same one, or plan again", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := f.Variables[name]; !ok {
			return fmt.Errorf("apply: the plan was made without a value for variable %q: leave it out, or plan again", name)
		}
	}
	return nil
}

// Same says whether a plan that was made again is the one in the file.
func (f *File) Same(b Basis, p *plan.Plan) error {
	if f.Plan != b.digest(p.Describe) {
		return stale("it comes out otherwise today: a file that the configuration reads has changed, or this is another version of viver (it was %s)", f.Version)
	}
	return nil
}

func (b Basis) digest(write func(w func(string))) string {
	mac := hmac.New(sha256.New, b.State.Key())
	write(func(text string) { fmt.Fprintf(mac, "%d %s ", len(text), text) })
	return hex.EncodeToString(mac.Sum(nil))
}

// configuration is the same in whatever folder the files are.
func (b Basis) configuration() string {
	var files []string
	for name, f := range b.Files {
		sum := sha256.Sum256(f.Bytes)
		files = append(files, filepath.Base(name)+" "+hex.EncodeToString(sum[:]))
	}
	slices.Sort(files)
	return b.digest(func(w func(string)) { w(strings.Join(files, "\n")) })
}

// variables are the digests of given values. Of several for one variable the last counts.
func (b Basis) variables() map[string]string {
	all := map[string]string{}
	for _, in := range b.Inputs {
		all[in.Name] = b.digest(func(w func(string)) {
			w("variable " + in.Name)
			w(in.Text)
			if in.Value != cty.NilVal {
				w(in.Value.GoString())
			}
		})
	}
	return all
}
