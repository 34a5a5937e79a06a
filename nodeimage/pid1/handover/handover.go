// Package handover is what early user space leaves to the processes that outlive it: a document and a counter in RAM, and a channel
// to the one that serves the root disk.
//
// It owns the form of these. The document lies in the initramfs, which only root sees and which is gone with the machine's power.
package handover

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/renameio/v2"

	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

// Path is where the document lies, seen from the initramfs' root. Only root can read it: the host key and the token are in it.
const Path = "/viver/run/handover.json"

// Names under which viver's processes run. The @ keeps systemd from killing them when it takes the machine down
// (https://systemd.io/ROOT_STORAGE_DAEMONS).
const (
	SupervisorName = "@viver-supervisor"
	DiskName       = "@viver-disk"
	AgentName      = "@viver-agent"
)

// Names returns them all.
func Names() []string { return []string{SupervisorName, DiskName, AgentName} }

// Document is all that the disk's process and the agent need to take up their work, also after others have died. The image's manifest lies at
// spec.ManifestPath still.
type Document struct {
	Bundle spec.Bundle `json:"bundle"`
	// Request is what the machine said of itself, Join what a server answered.
	Request spec.JoinRequest  `json:"request"`
	Join    spec.JoinResponse `json:"join"`
	// Lease is the address; the disk's process keeps it, and writes the document again when it changes.
	Lease network.Lease `json:"lease"`
	// HostKey is the private SSH host key of this boot, PEM as OpenSSH writes it.
	HostKey string `json:"host_key"`
}

// Write puts the document in place of the former one, at once and with mode 0600.
func Write(path string, d *Document) error {
	data, err := json.Marshal(d)
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write the handover document: %w", err)
	}
	return nil
}

// Read reads the document.
func Read(path string) (*Document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the handover from early user space: %w", err)
	}
	d := new(Document)
	if err := spec.Decode(data, d); err != nil {
		return nil, fmt.Errorf("read the handover from early user space: %s: %w", path, err)
	}
	return d, nil
}
