package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// snapshot is the document that holds a whole state.
type snapshot struct {
	Format int `json:"format"`
	// Checksum is the CRC-32C, in hex, of the document with zeros in its place.
	Checksum  string            `json:"checksum,omitempty"`
	Lineage   string            `json:"lineage"`
	Serial    uint64            `json:"serial"`
	Outputs   map[string]Output `json:"outputs"`
	Origins   map[string]string `json:"origins,omitempty"`
	Instances []json.RawMessage `json:"instances"` // sorted by address
}

// checksumField is the first field after the format: nothing that a user wrote can stand before it.
var checksumField = regexp.MustCompile(`^\{\s*"format":\s*\d+,\s*"checksum":\s*"([0-9a-f]{8})"`)

const noChecksum = "00000000"

// Encode returns the snapshot of a state as files have it. The key is not in it.
func Encode(s *State) ([]byte, error) {
	doc := snapshot{
		Format: formatVersion, Checksum: noChecksum, Lineage: s.Lineage, Serial: s.Serial,
		Outputs: s.Outputs, Origins: s.Origins, Instances: []json.RawMessage{},
	}
	for _, addr := range slices.Sorted(maps.Keys(s.Instances)) {
		i, err := json.Marshal(s.Instances[addr])
		if err != nil {
			return nil, err
		}
		doc.Instances = append(doc.Instances, i)
	}
	data, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return nil, err
	}
	data = append(data, '\n')
	place := checksumField.FindSubmatchIndex(data)
	copy(data[place[2]:place[3]], fmt.Sprintf("%08x", checksum(data)))
	return data, nil
}

// Decode reads what Encode wrote, or an older viver. Key is the secret of the state, nil where it is not known. A document without a
// checksum is taken as it is: people may edit it.
func Decode(data, key []byte) (*State, error) {
	if err := verify(data); err != nil {
		return nil, err
	}
	var doc snapshot
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if err := checkFormat(doc.Format); err != nil {
		return nil, err
	}
	if doc.Lineage == "" {
		return nil, errors.New("it is no state of viver: it has no lineage")
	}
	s := New(doc.Lineage, key)
	s.Serial = doc.Serial
	maps.Copy(s.Outputs, doc.Outputs)
	maps.Copy(s.Origins, doc.Origins)
	for _, raw := range doc.Instances {
		i, err := DecodeInstance(raw, doc.Format)
		if err != nil {
			return nil, err
		}
		if s.Instances[i.Addr] != nil {
			return nil, fmt.Errorf("%s stands in it twice", i.Addr)
		}
		s.Instances[i.Addr] = i
	}
	return s, nil
}

func verify(data []byte) error {
	place := checksumField.FindSubmatchIndex(data)
	if place == nil {
		return nil
	}
	blank := bytes.Clone(data)
	copy(blank[place[2]:place[3]], noChecksum)
	if want := string(data[place[2]:place[3]]); fmt.Sprintf("%08x", checksum(blank)) != want {
		return errors.New(`its checksum does not fit, so it was changed after it was written (if you edited it on purpose, take the line "checksum" out)`)
	}
	return nil
}
