// Package planfile keeps a plan in a file, to be looked at and carried out later. It owns the format of that file, and what makes a plan
// stale; it makes no plans.
//
// A file does not hold the plan itself but what the plan follows from, by digests: the state by its lineage and serial, the configuration's
// files, the values of variables; in clear only how things were found and what was asked for. From these the plan is made again when it is
// to be carried out, and it must come out as the same, instance by instance. So the file has no argument of any instance and no value of
// any variable, sensitive or not. All digests are keyed with the state's secret (HMAC-SHA-256), so that nobody can find a value by trying.
package planfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/renameio/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"viver/planner/resource"
)

// format is raised when an older viver could not read the file.
const format = 1

// kind begins each file, so that no other one is taken for a plan.
const kind = "viver plan"

// maxSize is how large a file may be, in bytes. One with 10,000 machines that were all asked has about 20 MB.
const maxSize = 256 << 20

// File is what a plan follows from.
type File struct {
	Kind    string `json:"kind"`
	Format  int    `json:"format"`
	Version string `json:"viver"` // of the viver that made it
	Scope   Scope  `json:"scope"`
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
	// Time is when it was made: what plantimestamp() says.
	Time time.Time `json:"time"`
	// Configuration is the digest of all files of the configuration.
	Configuration string `json:"configuration"`
	// Variables are the digests of the values that were given, by name.
	Variables map[string]string `json:"variables"`
	// Plan is the digest of the plan itself.
	Plan string `json:"plan"`
	// Seen is how instances were found, by address.
	Seen map[string]Seen `json:"seen"`
}

// Scope is what was asked for.
type Scope struct {
	Destroy     bool     `json:"destroy,omitempty"`
	RefreshOnly bool     `json:"refresh_only,omitempty"`
	Targets     []string `json:"targets,omitempty"`
	Exclude     []string `json:"exclude,omitempty"`
	Replace     []string `json:"replace,omitempty"`
}

// Seen is a resource.Observation.
type Seen struct {
	Status   int                        `json:"status,omitempty"`
	Reason   string                     `json:"reason,omitempty"`
	Computed map[string]json.RawMessage `json:"computed,omitempty"`
}

// Write puts a file in place, readable by its owner only, as a whole or not at all.
func Write(path string, f *File) error {
	f.Kind, f.Format = kind, format
	data, err := json.Marshal(f)
	if err == nil {
		err = replaceable(path)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(data, '\n'), 0o600)
	}
	if err != nil {
		var at *os.PathError // with the name of a temporary file, which says nothing to anybody
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("save the plan in %s: %w: name a file, in a folder that may be written to", path, err)
	}
	return nil
}

// replaceable refuses what a plan must not take the place of: /dev/null would be no device any more.
func replaceable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil: // not there; or whoever writes says what is wrong
		return nil
	case info.IsDir():
		return errors.New("it is a folder")
	case !info.Mode().IsRegular():
		return errors.New("it is no ordinary file")
	}
	return nil
}

// Read reads a file that Write wrote.
func Read(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	f, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read the plan %s: %w", path, err)
	}
	return f, nil
}

func decode(data []byte) (*File, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("it has more than %d MB: it is no plan of viver", maxSize>>20)
	}
	var head struct {
		Kind   string `json:"kind"`
		Format int    `json:"format"`
	}
	if json.Unmarshal(data, &head) != nil || head.Kind != kind {
		return nil, errors.New("it is no plan of viver, or a damaged one: make it with viver plan --out FILE")
	}
	if head.Format != format {
		return nil, fmt.Errorf("another viver made it (format %d, this one reads %d): plan again", head.Format, format)
	}
	var f File
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("it is damaged: %w: plan again", err)
	}
	_, err := f.Observations()
	return &f, err
}

// Observations are how instances were found, for plan.Options; never nil.
func (f *File) Observations() (map[string]resource.Observation, error) {
	all := map[string]resource.Observation{}
	for at, s := range f.Seen {
		o := resource.Observation{Status: resource.ObservedStatus(s.Status), Reason: s.Reason}
		if s.Status < 0 || o.Status > resource.Unreachable {
			return nil, fmt.Errorf("it is damaged: %s has a status %d: plan again", at, s.Status)
		}
		for name, raw := range s.Computed {
			v, err := ctyjson.Unmarshal(raw, cty.DynamicPseudoType)
			if err != nil || !v.IsWhollyKnown() {
				return nil, fmt.Errorf("it is damaged: %s of %s is no value: plan again", name, at)
			}
			if o.Computed == nil {
				o.Computed = map[string]cty.Value{}
			}
			o.Computed[name] = v
		}
		all[at] = o
	}
	return all, nil
}
