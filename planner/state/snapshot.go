package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// formatVersion is raised when an older viver could not read the files.
const formatVersion = 1

type snapshot struct {
	Format    int               `json:"format"`
	Lineage   string            `json:"lineage"`
	Serial    uint64            `json:"serial"`
	Outputs   map[string]Output `json:"outputs"`
	Instances []*Instance       `json:"instances"` // sorted by address
}

func encodeSnapshot(s *State) ([]byte, error) {
	doc := snapshot{Format: formatVersion, Lineage: s.Lineage, Serial: s.Serial, Outputs: s.Outputs, Instances: []*Instance{}}
	for _, addr := range slices.Sorted(maps.Keys(s.Instances)) {
		doc.Instances = append(doc.Instances, s.Instances[addr])
	}
	data, err := json.MarshalIndent(doc, "", " ")
	return append(data, '\n'), err
}

func decodeSnapshot(data []byte, key []byte) (*State, error) {
	var doc snapshot
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Format > formatVersion {
		return nil, fmt.Errorf("a newer viver wrote it (format %d, this one reads %d)", doc.Format, formatVersion)
	}
	if doc.Format < 1 || doc.Lineage == "" {
		return nil, errors.New("it is no state of viver")
	}
	s := newState(key)
	s.Lineage, s.Serial = doc.Lineage, doc.Serial
	maps.Copy(s.Outputs, doc.Outputs)
	for _, i := range doc.Instances {
		if i == nil {
			return nil, errors.New("an instance is null")
		}
		s.Instances[i.Addr] = i
	}
	return s, nil
}
