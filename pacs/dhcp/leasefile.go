package dhcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"viver/nodeimage/spec"
)

// leaseFile is the name of the file in the unit's state folder.
const leaseFile = "leases.json"

// leaseDocument is what stands in the file.
type leaseDocument struct {
	Version int           `json:"version"` // 1
	Leases  []leaseRecord `json:"leases"`
}

type leaseRecord struct {
	MAC     string     `json:"mac"`
	Address netip.Addr `json:"address"`
	Expires time.Time  `json:"expires"` // also in the past: the machine gets its old address again if it can
}

// saveLeases makes the leases durable before any machine is told that it has one.
func saveLeases(dir string, leases []*lease) error {
	doc := leaseDocument{Version: 1, Leases: make([]leaseRecord, 0, len(leases))}
	for _, l := range leases {
		doc.Leases = append(doc.Leases, leaseRecord{MAC: l.mac, Address: l.addr, Expires: l.until.UTC()})
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("dhcp: leases: %w", err)
	}
	path := filepath.Join(dir, leaseFile)
	if err := renameio.WriteFile(path, append(data, '\n'), 0o644, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("dhcp: write %s: %w", path, err)
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("dhcp: sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("dhcp: sync %s: %w", dir, err)
	}
	return nil
}

// loadLeases reads what saveLeases wrote; no file means no leases.
func loadLeases(dir string) ([]*lease, error) {
	path := filepath.Join(dir, leaseFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dhcp: leases: %w", err)
	}
	leases, err := decodeLeases(data)
	if err != nil {
		return nil, fmt.Errorf("dhcp: %s is damaged: %w; move it away and machines get new addresses", path, err)
	}
	return leases, nil
}

func decodeLeases(data []byte) ([]*lease, error) {
	var doc leaseDocument
	if err := spec.Decode(data, &doc); err != nil {
		return nil, err
	}
	if doc.Version != 1 {
		return nil, fmt.Errorf("version %d: this viver knows version 1", doc.Version)
	}
	leases := make([]*lease, 0, len(doc.Leases))
	for _, r := range doc.Leases {
		mac, err := net.ParseMAC(r.MAC)
		if err != nil || len(mac) != 6 || !r.Address.Is4() {
			return nil, fmt.Errorf("lease of %q on %s", r.MAC, r.Address)
		}
		leases = append(leases, &lease{mac: mac.String(), addr: r.Address, until: r.Expires, bound: true})
	}
	return leases, nil
}
