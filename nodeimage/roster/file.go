package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/google/renameio/v2"

	"viver/nodeimage/natural"
	"viver/nodeimage/spec"
)

// document is the form of a server's file. A deputy's is a spec.Kit.
type document struct {
	Version  int             `json:"version"` // 1
	Nodes    []spec.NodeSpec `json:"nodes"`
	Machines []record        `json:"machines"`
}

func (r *Roster) load() error {
	data, err := os.ReadFile(r.config.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("roster: %w", err)
	}
	decode := r.decode
	if r.config.Deputy {
		decode = r.decodeKit
	}
	if err := decode(data); err != nil {
		return fmt.Errorf("roster: read %s: %w; move the file away and apply again", r.config.Path, err)
	}
	return nil
}

func (r *Roster) decodeKit(data []byte) error {
	var k spec.Kit
	if err := spec.Decode(data, &k); err != nil {
		return err
	}
	return r.use(&k)
}

func (r *Roster) decode(data []byte) error {
	var d document
	if err := spec.Decode(data, &d); err != nil {
		return err
	}
	if d.Version != 1 {
		return fmt.Errorf("it has version %d; this viver-node knows version 1", d.Version)
	}
	return r.fill(d.Nodes, d.Machines)
}

// fill puts these nodes and machines in the place of all that was known. A machine of a node that is not among them has no name.
func (r *Roster) fill(nodes []spec.NodeSpec, machines []record) error {
	byName, byMAC := map[string]spec.NodeSpec{}, map[string]*record{}
	for _, n := range nodes {
		n, err := cleanNode(n)
		if err != nil {
			return err
		}
		byName[n.Name] = n
	}
	for _, rec := range machines {
		mac, err := cleanMAC(rec.Machine.MAC)
		if err != nil {
			return err
		}
		if _, wanted := byName[rec.Machine.Node]; !wanted {
			rec.Machine.Node, rec.Token = "", ""
		}
		rec.Machine.MAC = mac
		byMAC[mac] = &rec
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes, r.machines = byName, byMAC
	return nil
}

// Save makes everything durable that was noted so far. Calls that come together share one write.
func (r *Roster) Save() error {
	r.saving.Lock()
	defer r.saving.Unlock()
	data, number, err := r.encode()
	if err != nil || data == nil {
		return err
	}
	// Steps may hold secrets, and so do tokens: nobody else may read them.
	if err := renameio.WriteFile(r.config.Path, data, 0o600); err != nil {
		return fmt.Errorf("roster: save what is known of the machines: %w: %w", ErrNotKept, err)
	}
	r.mu.Lock()
	r.saved = number
	r.mu.Unlock()
	return nil
}

// encode returns the file's content and the number of the last change in it; nil if the file has that already.
func (r *Roster) encode() ([]byte, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes == r.saved {
		return nil, 0, nil
	}
	if r.config.Deputy { // many nodes have the same steps, and the file lies in RAM
		data, err := json.Marshal(r.kit())
		return data, r.changes, err
	}
	d := document{Version: 1, Nodes: []spec.NodeSpec{}, Machines: []record{}}
	for _, name := range slices.SortedFunc(maps.Keys(r.nodes), natural.Compare) {
		d.Nodes = append(d.Nodes, r.nodes[name])
	}
	for _, mac := range slices.Sorted(maps.Keys(r.machines)) {
		d.Machines = append(d.Machines, *r.machines[mac])
	}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, 0, fmt.Errorf("roster: encode: %w", err)
	}
	return data, r.changes, nil
}
