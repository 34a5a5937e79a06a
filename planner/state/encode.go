package state

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// instanceJSON is how an Instance stands in the files. Values stand there with their types: {"value":…,"type":…}.
type instanceJSON struct {
	Addr        string                       `json:"addr"`
	Group       string                       `json:"group"`
	Key         json.RawMessage              `json:"key,omitempty"`
	Type        string                       `json:"type"`
	Machine     string                       `json:"machine,omitempty"`
	MachineKind string                       `json:"machine_kind,omitempty"`
	Position    int                          `json:"position,omitempty"`
	Status      Status                       `json:"status"`
	Protect     bool                         `json:"protect"`
	Inputs      json.RawMessage              `json:"inputs"`
	Computed    map[string]json.RawMessage   `json:"computed,omitempty"`
	Refs        map[string]map[string]string `json:"refs,omitempty"`
	Depends     []string                     `json:"depends,omitempty"`
}

type outputJSON struct {
	Value       json.RawMessage `json:"value,omitempty"`
	Sensitive   bool            `json:"sensitive,omitempty"`
	Description string          `json:"description,omitempty"`
}

// MarshalJSON refuses values that are unknown or marked: they must not reach a file.
func (i *Instance) MarshalJSON() ([]byte, error) {
	j := instanceJSON{
		Addr: i.Addr, Group: i.Group, Type: i.Type, Machine: i.Machine, MachineKind: i.MachineKind,
		Position: i.Position, Status: i.Status, Protect: i.Protect, Refs: i.Refs, Depends: i.Depends,
	}
	var err error
	if i.Key != cty.NilVal && !i.Key.IsNull() {
		if j.Key, err = encodeValue(i.Key); err != nil {
			return nil, fmt.Errorf("%s: key: %w", i.Addr, err)
		}
	}
	if j.Inputs, err = encodeValue(i.Inputs); err != nil {
		return nil, fmt.Errorf("%s: arguments: %w", i.Addr, err)
	}
	if j.Computed, err = encodeValues(i.Computed); err != nil {
		return nil, fmt.Errorf("%s: %w", i.Addr, err)
	}
	return json.Marshal(j)
}

// UnmarshalJSON accepts what MarshalJSON writes.
func (i *Instance) UnmarshalJSON(data []byte) error {
	var j instanceJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*i = Instance{
		Addr: j.Addr, Group: j.Group, Type: j.Type, Machine: j.Machine, MachineKind: j.MachineKind,
		Position: j.Position, Status: j.Status, Protect: j.Protect, Refs: j.Refs, Depends: j.Depends, Key: cty.NilVal,
	}
	if i.Addr == "" || i.Type == "" {
		return errors.New("an instance lacks its address or type")
	}
	if i.Status != Complete && i.Status != Incomplete {
		return fmt.Errorf("%s: unknown status %q", i.Addr, i.Status)
	}
	var err error
	if j.Key != nil {
		if i.Key, err = decodeValue(j.Key); err != nil {
			return fmt.Errorf("%s: key: %w", i.Addr, err)
		}
	}
	if i.Inputs, err = decodeValue(j.Inputs); err != nil {
		return fmt.Errorf("%s: arguments: %w", i.Addr, err)
	}
	if i.Computed, err = decodeValues(j.Computed); err != nil {
		return fmt.Errorf("%s: %w", i.Addr, err)
	}
	return nil
}

// MarshalJSON leaves the value of a sensitive output out.
func (o Output) MarshalJSON() ([]byte, error) {
	j := outputJSON{Sensitive: o.Sensitive, Description: o.Description}
	if !o.Sensitive {
		var err error
		if j.Value, err = encodeValue(o.Value); err != nil {
			return nil, err
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON accepts what MarshalJSON writes.
func (o *Output) UnmarshalJSON(data []byte) error {
	var j outputJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*o = Output{Value: cty.NullVal(cty.DynamicPseudoType), Sensitive: j.Sensitive, Description: j.Description}
	if j.Sensitive {
		return nil
	}
	var err error
	o.Value, err = decodeValue(j.Value)
	return err
}

func encodeValue(v cty.Value) (json.RawMessage, error) {
	switch {
	case v == cty.NilVal:
		return nil, errors.New("no value")
	case v.ContainsMarked():
		return nil, errors.New("a sensitive value cannot be stored")
	case !v.IsWhollyKnown():
		return nil, errors.New("an unknown value cannot be stored")
	}
	return ctyjson.Marshal(v, cty.DynamicPseudoType)
}

func encodeValues(values map[string]cty.Value) (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		var err error
		if out[name], err = encodeValue(v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

func decodeValue(data json.RawMessage) (cty.Value, error) {
	if len(data) == 0 {
		return cty.NilVal, errors.New("no value")
	}
	v, err := ctyjson.Unmarshal(data, cty.DynamicPseudoType)
	if err == nil && !v.IsWhollyKnown() { // "type" without "value"
		return cty.NilVal, errors.New("no value")
	}
	return v, err
}

func decodeValues(raw map[string]json.RawMessage) (map[string]cty.Value, error) {
	out := make(map[string]cty.Value, len(raw))
	for name, data := range raw {
		var err error
		if out[name], err = decodeValue(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}
