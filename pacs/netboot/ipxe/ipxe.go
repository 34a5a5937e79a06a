// Package ipxe knows the boot programs of Debian's package ipxe, which firmware loads before anything of viver's. It owns their names,
// their opening, and where they and their script are found over HTTP; packages tftp and netboot send them, package dhcp names them.
package ipxe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Dir is where Debian's package has them.
const Dir = "/usr/lib/ipxe"

// Paths on the HTTP server of package netboot: of the script that iPXE loads, and of the folder with the programs.
const (
	PathScript   = "/boot.ipxe"
	PathPrograms = "/ipxe/"
)

// names returns the programs.
func names() []string {
	return []string{
		"undionly.kpxe", // BIOS, by the firmware's own network driver: runs on any card
		"ipxe.pxe",      // BIOS, with iPXE's drivers: fast in virtual machines
		"snponly.efi",   // UEFI x64, by the firmware's own network driver
		"ipxe.efi",      // UEFI x64, with iPXE's drivers
	}
}

// Programs is a folder with all of the boot programs. It is safe for concurrent use.
type Programs struct {
	dir string
}

// Open checks that every program is in dir.
func Open(dir string) (*Programs, error) {
	for _, name := range names() {
		info, err := os.Stat(dir + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("ipxe: %s/%s is missing: install iPXE: apt-get install ipxe: %w", dir, name, err)
		}
		if err != nil {
			return nil, fmt.Errorf("ipxe: %w", err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("ipxe: %s/%s is not a file: reinstall iPXE: apt-get install --reinstall ipxe", dir, name)
		}
	}
	return &Programs{dir: dir}, nil
}

// Open opens a program. For any other name the error wraps fs.ErrNotExist.
func (p *Programs) Open(name string) (*os.File, error) {
	for _, known := range names() {
		if name == known {
			return os.Open(p.dir + "/" + known)
		}
	}
	return nil, fmt.Errorf("ipxe: no program is named %q: %w", name, fs.ErrNotExist)
}
