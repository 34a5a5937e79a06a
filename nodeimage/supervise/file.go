package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"viver/nodeimage/spec"
)

// document is the form of units.json.
type document struct {
	Version int             `json:"version"` // 1
	Units   []spec.UnitSpec `json:"units"`
}

func file(dir string) string { return filepath.Join(dir, "units.json") }

// load returns the units that were put; none where there is no file.
func load(dir string) ([]spec.UnitSpec, error) {
	data, err := os.ReadFile(file(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("supervise: %w", err)
	}
	return decode(file(dir), data)
}

func decode(name string, data []byte) ([]spec.UnitSpec, error) {
	var d document
	if err := spec.Decode(data, &d); err != nil {
		return nil, fmt.Errorf("supervise: %s: %w; remove the file and apply again", name, err)
	}
	if d.Version != 1 {
		return nil, fmt.Errorf("supervise: %s has version %d; this viver-node knows version 1", name, d.Version)
	}
	seen := map[string]bool{}
	for _, u := range d.Units {
		if err := validate(u); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if seen[u.Name] {
			return nil, fmt.Errorf("supervise: %s has unit %s twice; remove the file and apply again", name, u.Name)
		}
		seen[u.Name] = true
	}
	return d.Units, nil
}

// save makes the list durable. Configurations may hold secrets, so nobody else may read it.
func save(dir string, units []spec.UnitSpec) error {
	data, err := json.Marshal(document{Version: 1, Units: units})
	if err != nil {
		return fmt.Errorf("supervise: encode the units: %w", err)
	}
	if err := renameio.WriteFile(file(dir), data, 0o600); err != nil {
		return fmt.Errorf("supervise: keep the units: %w", err)
	}
	return nil
}
