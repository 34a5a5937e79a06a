package state

import (
	"encoding/json"
	"fmt"
)

// formatVersion is raised when an older viver could not read the files, or would lose something by writing them again. What is new then
// goes into upgrades, and files of the version so far into testdata.
const formatVersion = 2

// Format is formatVersion, for those who keep instances by themselves.
const Format = formatVersion

// fields are those of an instance as it stands in a file.
type fields map[string]json.RawMessage

// upgrades returns for each older format, from 1 on, what brings an instance to the next one.
func upgrades() []func(fields) error {
	return []func(fields) error{fromFormat1}
}

// fromFormat1 says of an instance that nothing protects it: nobody could ask for that. Format 1 had no checksum of the snapshot, and
// no instances that were moved.
func fromFormat1(i fields) error {
	i["protect"] = json.RawMessage("false")
	return nil
}

// newerError is no damage: the files are good for another viver.
type newerError struct{ format int }

func (e *newerError) Error() string {
	return fmt.Sprintf("a newer viver wrote it (format %d, this one reads %d): install that viver", e.format, formatVersion)
}

// checkFormat refuses formats that this viver does not read.
func checkFormat(format int) error {
	if format > formatVersion {
		return &newerError{format}
	}
	if format < 1 {
		return fmt.Errorf("it is no state of viver: it has no format")
	}
	return nil
}

// DecodeInstance reads an instance as a file of a format has it. One of a newer format is an error.
func DecodeInstance(data []byte, format int) (*Instance, error) {
	if err := checkFormat(format); err != nil {
		return nil, err
	}
	for old := format; old < formatVersion; old++ {
		var all fields
		if err := json.Unmarshal(data, &all); err != nil {
			return nil, err
		}
		if all == nil {
			break
		}
		if err := upgrades()[old-1](all); err != nil {
			return nil, fmt.Errorf("bring it from format %d to %d: %w", old, old+1, err)
		}
		var err error
		if data, err = json.Marshal(all); err != nil {
			return nil, err
		}
	}
	var i *Instance
	if err := json.Unmarshal(data, &i); err != nil {
		return nil, err
	}
	if i == nil {
		return nil, fmt.Errorf("an instance is null")
	}
	return i, nil
}
