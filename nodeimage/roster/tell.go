package roster

import (
	"encoding/json"
	"maps"
	"slices"

	"viver/nodeimage/spec"
)

// maxPart is how long a part of what is told is, in bytes of JSON, but for a single record that is longer.
const maxPart = spec.MaxHandover / 4

// Tell calls tell with what a deputy has noted of machines with a name and no server knows, in parts. It ends with the first error; what that part
// had, and what changes meanwhile, is told the next time.
func (r *Roster) Tell(tell func([]spec.MachineRecord) error) error {
	for _, part := range parts(r.untold()) {
		r.told(part, true)
		if err := tell(part); err != nil {
			r.told(part, false)
			return err
		}
	}
	return r.Save()
}

// untold returns all records that are to be told.
func (r *Roster) untold() []spec.MachineRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []spec.MachineRecord
	for _, mac := range slices.Sorted(maps.Keys(r.machines)) {
		if rec := r.machines[mac]; rec.Untold && rec.Machine.Node != "" && rec.Token != "" {
			all = append(all, rec.recognizable())
		}
	}
	return all
}

// told notes that the machines of a part are told, or that they are not after all.
func (r *Roster) told(part []spec.MachineRecord, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	for _, m := range part {
		if rec := r.machines[m.Machine.MAC]; rec != nil {
			rec.Untold = !yes
		}
	}
}

// parts cuts records into parts of maxPart.
func parts(records []spec.MachineRecord) [][]spec.MachineRecord {
	var all [][]spec.MachineRecord
	room := 0
	for _, m := range records {
		data, _ := json.Marshal(m) // what came as JSON, or was cleaned, has a JSON form
		if len(all) == 0 || len(data) > room {
			all, room = append(all, nil), maxPart
		}
		last := len(all) - 1
		all[last], room = append(all[last], m), room-len(data)
	}
	return all
}
