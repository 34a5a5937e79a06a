// Package handover is what early user space leaves to the processes that outlive it, and what these tell one another: documents and
// a counter in RAM, and a channel to the process that serves the root disk.
//
// It owns the form of these. They lie in the initramfs, which only root sees and which is gone with the machine's power.
package handover

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/renameio/v2"

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

// Document is what the disk's process and the agent need to take up their work, also after others have died. It does not change. The
// image's manifest lies at spec.ManifestPath still.
type Document struct {
	Bundle spec.Bundle `json:"bundle"`
	// Request is what the machine said of itself, Join what a server answered.
	Request spec.JoinRequest  `json:"request"`
	Join    spec.JoinResponse `json:"join"`
	// HostKey is the private SSH host key of this boot, PEM as OpenSSH writes it.
	HostKey string `json:"host_key"`
	// PassportKey is the private key to the machine's passport (PKCS #8, PEM). The passport lies at PassportPath, as it changes.
	PassportKey string `json:"passport_key"`
}

// Write puts the document in place of the former one, at once and with mode 0600.
func Write(path string, d *Document) error { return write(path, d) }

// Read reads the document.
func Read(path string) (*Document, error) {
	d := new(Document)
	return d, read(path, d)
}

func write(path string, doc any) error {
	data, err := json.Marshal(doc)
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	return nil
}

func read(path string, doc any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what was handed over: %w", err)
	}
	if err := spec.Decode(data, doc); err != nil {
		return fmt.Errorf("read what was handed over: %s: %w", path, err)
	}
	return nil
}
