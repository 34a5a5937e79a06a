package lab

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Firmware of a machine.
const (
	BIOS = "bios" // SeaBIOS; the network card's ROM is iPXE
	UEFI = "uefi" // OVMF x64 without Secure Boot; OVMF's own driver for virtio cards
)

// Machine is one virtual PC without a disk. Only the name is needed, the rest has defaults.
type Machine struct {
	Name     string `json:"name"`
	Firmware string `json:"firmware"`  // BIOS (default) or UEFI
	MemoryMB int    `json:"memory_mb"` // default 1024
	CPUs     int    `json:"cpus"`      // default 2, but 1 where this computer has not as many for all machines of the lab
	NIC      string `json:"nic"`       // QEMU's device: virtio-net-pci (default), e1000, e1000e, rtl8139
	MAC      string `json:"mac"`       // default: made from the names of lab and machine, locally administered
	Network  string `json:"network"`   // bridge that the card is plugged into, by a name; default Bridge. The host is on Bridge alone
	Disk     string `json:"disk"`      // path of a raw image file that becomes a virtio disk; empty: no disk
	BootDisk bool   `json:"boot_disk"` // BIOS: start from Disk, as an installed PC does, instead of from the network
	Kernel   string `json:"kernel"`    // boot this kernel from the host instead of the network, with Initrd and Append
	Initrd   string `json:"initrd"`    //
	Append   string `json:"append"`    // the kernel's command line
	Tap      string `json:"tap"`       // interface of the namespace that it is plugged into; set by Up
	More     []Card `json:"more"`      // its other network cards; the firmware tries all cards in their order
	Folder   string `json:"folder"`    // where its serial log, PID and exit code stand; set by Up
}

// Card is a network card beside the first. It has the defaults of a machine's first.
type Card struct {
	NIC       string `json:"nic"`
	MAC       string `json:"mac"`
	Network   string `json:"network"`
	Preferred bool   `json:"preferred"` // somebody has put it first in the firmware's boot order: UEFI tries each card for minutes
	Tap       string `json:"tap"`
}

const virtio = "virtio-net-pci"

var validNIC = []string{virtio, "e1000", "e1000e", "rtl8139"}

func (m *Machine) fill(lab string, index, machines int) {
	if m.Name == "" {
		m.Name = fmt.Sprintf("vm%d", index+1)
	}
	if m.Firmware == "" {
		m.Firmware = BIOS
	}
	if m.MemoryMB == 0 {
		m.MemoryMB = 1024
	}
	if m.CPUs == 0 {
		m.CPUs = min(2, max(1, runtime.NumCPU()/machines))
	}
	first := m.first()
	first.fill(lab + "/" + m.Name)
	m.NIC, m.MAC, m.Network = first.NIC, first.MAC, first.Network
	for i := range m.More {
		m.More[i].fill(fmt.Sprintf("%s/%s/%d", lab, m.Name, i+2))
	}
}

func (c *Card) fill(path string) {
	if c.NIC == "" {
		c.NIC = virtio
	}
	if c.MAC == "" {
		sum := sha256.Sum256([]byte(path))
		c.MAC = net.HardwareAddr{0x52, 0x54, 0x00, sum[0], sum[1], sum[2]}.String()
	}
	if c.Network == "" {
		c.Network = Bridge
	}
}

// first is the machine's first card.
func (m *Machine) first() Card { return Card{NIC: m.NIC, MAC: m.MAC, Network: m.Network, Tap: m.Tap} }

// cards are all of them.
func (m *Machine) cards() []Card { return append([]Card{m.first()}, m.More...) }

// networkName is the name of an interface.
var networkName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,14}$`)

func (c Card) check() error {
	if !slices.Contains(validNIC, c.NIC) {
		return fmt.Errorf("network card %q: want one of %v", c.NIC, validNIC)
	}
	if !networkName.MatchString(c.Network) || strings.HasPrefix(c.Network, "tap") || c.Network == "lo" {
		return fmt.Errorf("network %q: a name has up to 15 lower-case letters, digits and hyphens, and is neither lo nor like tap0", c.Network)
	}
	_, err := net.ParseMAC(c.MAC)
	return err
}

var machineName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,30}$`)

func (m *Machine) check() error {
	if !machineName.MatchString(m.Name) {
		return fmt.Errorf("machine %q: a name has letters, digits and hyphens", m.Name)
	}
	if m.Firmware != BIOS && m.Firmware != UEFI {
		return fmt.Errorf("machine %s: firmware %q: want bios or uefi", m.Name, m.Firmware)
	}
	if m.MemoryMB < 128 || m.CPUs < 1 {
		return fmt.Errorf("machine %s: %d MB of memory and %d CPUs: want at least 128 and 1", m.Name, m.MemoryMB, m.CPUs)
	}
	if m.BootDisk && (m.Disk == "" || m.Firmware != BIOS) {
		return fmt.Errorf("machine %s: only a BIOS machine with a disk can start from it", m.Name)
	}
	for _, c := range m.cards() {
		if err := c.check(); err != nil {
			return fmt.Errorf("machine %s: %w", m.Name, err)
		}
	}
	return nil
}

// SerialLog is the path of the file that holds everything the machine printed on its serial console.
func (m *Machine) SerialLog() string { return filepath.Join(m.Folder, "serial.log") }

// consoleSocket is where a terminal can be plugged into the serial console.
func (m *Machine) consoleSocket() string { return filepath.Join(m.Folder, "console") }

// prepare makes the machine's folder; a UEFI machine gets a copy of the firmware's variables, its own.
func (l *Lab) prepare(m *Machine) error {
	m.Folder = filepath.Join(l.dir(), m.Name)
	if err := os.MkdirAll(m.Folder, 0o755); err != nil {
		return err
	}
	if m.Firmware != UEFI {
		return nil
	}
	vars, err := os.ReadFile(ovmfVars)
	if err != nil {
		return fmt.Errorf("machine %s: %w: install it: apt-get install ovmf", m.Name, err)
	}
	return os.WriteFile(m.vars(), vars, 0o644)
}

func (m *Machine) vars() string { return filepath.Join(m.Folder, "vars.fd") }
