package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// record is one line of the journal. The first one is the header: it has a Lineage and a Base. Each other one brings the state
// to its Serial.
type record struct {
	Lineage string            `json:"lineage,omitempty"`
	Base    uint64            `json:"base,omitempty"` // serial of the snapshot that the journal was begun on
	Serial  uint64            `json:"serial,omitempty"`
	Put     *Instance         `json:"put,omitempty"`
	Forget  string            `json:"forget,omitempty"`
	Outputs map[string]Output `json:"outputs,omitempty"`
}

func checksum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// checksumLen is the length of the hexadecimal CRC-32C before the space.
const checksumLen = 8

// appendRecord adds r as a line: CRC-32C of the JSON in hex, a space, the JSON, a newline.
func appendRecord(to []byte, r record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	to = fmt.Appendf(to, "%08x ", checksum(body))
	return append(append(to, body...), '\n'), nil
}

func parseRecord(line []byte) (record, error) {
	var r record
	if len(line) <= checksumLen || line[checksumLen] != ' ' {
		return r, errors.New("no checksum")
	}
	body := line[checksumLen+1:]
	if string(line[:checksumLen]) != fmt.Sprintf("%08x", checksum(body)) {
		return r, errors.New("wrong checksum")
	}
	return r, json.Unmarshal(body, &r)
}

// readJournal returns the records of a journal. What an interrupted write left at its end is passed over: it never counted. A
// broken record with good ones after it is damage, and an error.
func readJournal(data []byte) ([]record, error) {
	var records []record
	var damage error
	for number := 1; len(data) > 0; number++ {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		data = rest
		if !ended {
			break
		}
		r, err := parseRecord(line)
		switch {
		case err != nil && damage == nil:
			damage = fmt.Errorf("line %d: %w", number, err)
		case err == nil && damage != nil:
			return nil, damage
		case err == nil:
			records = append(records, r)
		}
	}
	return records, nil
}

// replay brings a snapshot up to date with the records of the journal that belongs to it.
func replay(s *State, records []record) error {
	if len(records) == 0 {
		return nil
	}
	head := records[0]
	if head.Lineage != s.Lineage {
		return errors.New("it belongs to another state (the lineage differs)")
	}
	if head.Base > s.Serial {
		return errStale
	}
	next := head.Base
	for _, r := range records[1:] {
		if next++; r.Serial != next {
			return fmt.Errorf("serial %d follows %d", r.Serial, next-1)
		}
		if r.Serial > s.Serial {
			s.apply(Change{Put: r.Put, Forget: r.Forget, Outputs: r.Outputs})
		}
	}
	return nil
}

// errStale says that the snapshot is older than the journal: it was read just before a writer replaced both, or somebody put an
// old snapshot back.
var errStale = errors.New("it was begun on a later snapshot than the one in " + snapshotFile)
