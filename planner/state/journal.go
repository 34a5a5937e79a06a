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
	Format  int               `json:"format,omitempty"` // of the whole journal; in the header only, 0: 1
	Lineage string            `json:"lineage,omitempty"`
	Base    uint64            `json:"base,omitempty"` // serial of the snapshot that the journal was begun on
	Serial  uint64            `json:"serial,omitempty"`
	Put     *Instance         `json:"put,omitempty"`
	Forget  string            `json:"forget,omitempty"`
	Outputs map[string]Output `json:"outputs,omitempty"`
}

func (r record) change() Change { return Change{Put: r.Put, Forget: r.Forget, Outputs: r.Outputs} }

func checksum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// checksumLen is the length of the hexadecimal CRC-32C before the space.
const checksumLen = 8

func header(s *State) ([]byte, error) {
	return appendRecord(nil, record{Format: formatVersion, Lineage: s.Lineage, Base: s.Serial})
}

// appendRecord adds r as a line: CRC-32C of the JSON in hex, a space, the JSON, a newline.
func appendRecord(to []byte, r record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	to = fmt.Appendf(to, "%08x ", checksum(body))
	return append(append(to, body...), '\n'), nil
}

// parseRecord reads a line of a journal of some format; 0: the line is its header, or of the oldest.
func parseRecord(line []byte, format int) (record, error) {
	var r struct {
		record
		Put json.RawMessage `json:"put"`
	}
	if len(line) <= checksumLen || line[checksumLen] != ' ' {
		return r.record, errors.New("no checksum")
	}
	body := line[checksumLen+1:]
	if string(line[:checksumLen]) != fmt.Sprintf("%08x", checksum(body)) {
		return r.record, errors.New("wrong checksum")
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r.record, contentError{err}
	}
	if err := checkFormat(max(format, r.Format, 1)); err != nil {
		return r.record, contentError{err}
	}
	if len(r.Put) == 0 || string(r.Put) == "null" {
		return r.record, nil
	}
	var err error
	if r.record.Put, err = DecodeInstance(r.Put, max(format, 1)); err != nil {
		return r.record, contentError{err}
	}
	return r.record, nil
}

// contentError is the error of a line that is whole and yet cannot be read: no interrupted write left it.
type contentError struct{ error }

func (e contentError) Unwrap() error { return e.error }

// line is one line of a journal: a record, or why it is none.
type line struct {
	number int // from 1
	record record
	err    error
}

// counts says that no interrupted write left it.
func (l line) counts() bool {
	var content contentError
	return l.err == nil || errors.As(l.err, &content)
}

// readLines returns all lines of a journal that ended.
func readLines(data []byte) []line {
	var all []line
	format := 0
	for number := 1; len(data) > 0; number++ {
		text, rest, ended := bytes.Cut(data, []byte{'\n'})
		if !ended {
			break
		}
		data = rest
		r, err := parseRecord(text, format)
		if number == 1 {
			format = r.Format
			if err != nil {
				format = formatVersion
			}
		}
		all = append(all, line{number, r, err})
	}
	return all
}

// readJournal returns the records of a journal. What an interrupted write left at its end is passed over: it never counted. A
// broken record with good ones after it is damage, and an error.
func readJournal(data []byte) ([]record, error) {
	var records []record
	var damage error
	for _, l := range readLines(data) {
		var content contentError
		switch {
		case errors.As(l.err, &content):
			return nil, fmt.Errorf("line %d: %w", l.number, l.err)
		case l.err != nil && damage == nil:
			damage = fmt.Errorf("line %d: %w", l.number, l.err)
		case l.err == nil && damage != nil:
			return nil, damage
		case l.err == nil:
			records = append(records, l.record)
		}
	}
	return records, nil
}

// replay brings a snapshot up to date with the records of the journal that belongs to it. A journal that has no more than its header says
// nothing, wherever it comes from.
func replay(s *State, records []record) error {
	if len(records) == 0 {
		return nil
	}
	head := records[0]
	switch {
	case head.Lineage != s.Lineage && len(records) == 1:
		return nil
	case head.Lineage != s.Lineage:
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
			s.Apply(r.change())
		}
	}
	return nil
}

// errStale says that the snapshot is older than the journal: it was read just before a writer replaced both, or somebody put an
// old snapshot back.
var errStale = errors.New("it was begun on a later snapshot than the one in " + snapshotFile)
