package spec

import (
	"slices"
	"time"
)

// Stage is how far a machine's boot has got. The stages follow one another in the order of Stages.
type Stage string

// The stages of a boot.
const (
	StageFirmware Stage = "firmware" // its firmware asked for an address
	StageKernel   Stage = "kernel"   // its kernel was sent
	StageNetwork  Stage = "network"  // its early user space has an address
	StageRoot     Stage = "root"     // the shared root is mounted
	StageInit     Stage = "init"     // the distribution's init has taken over
	StageJoined   Stage = "joined"   // it answers over SSH and its steps are taken
	StageLeft     Stage = "left"     // it said goodbye before it went down
)

// Stages returns the stages of a boot in their order, without StageLeft.
func Stages() []Stage {
	return []Stage{StageFirmware, StageKernel, StageNetwork, StageRoot, StageInit, StageJoined}
}

// Order returns the place of s in a boot, from 1 on; that of StageLeft is behind all of Stages. What is no stage has 0.
func (s Stage) Order() int {
	if s == StageLeft {
		return len(Stages()) + 1
	}
	return slices.Index(Stages(), s) + 1
}

// StageTime is when a machine reached a stage.
type StageTime struct {
	Stage Stage     `json:"stage"`
	At    time.Time `json:"at"`
}

// Machine is what was observed of one machine. It is kept by the server which that machine joined.
type Machine struct {
	MAC      string    `json:"mac"`            // of the interface that it booted from, lower case with colons
	Node     string    `json:"node,omitempty"` // the name it is bound to; empty: it waits for one
	Address  string    `json:"address,omitempty"`
	Firmware string    `json:"firmware,omitempty"` // bios, uefi
	BootID   string    `json:"boot_id,omitempty"`  // of this boot: /proc/sys/kernel/random/boot_id
	Image    Digest    `json:"image,omitempty"`
	HostKey  string    `json:"host_key,omitempty"` // SSH host key, one line in the form of authorized_keys; pinned when it joined
	Facts    *Facts    `json:"facts,omitempty"`
	LastSeen time.Time `json:"last_seen"`
	// Boot holds the stages of this boot, in the order in which they were reached.
	Boot []StageTime `json:"boot,omitempty"`
	// Pending is since when it waits for an operator's approval; zero: it does not.
	Pending time.Time `json:"pending,omitzero"`
	// Waiting says what the boot is busy with or held up by, in a few words.
	Waiting string `json:"waiting,omitempty"`
	// Warnings are what a person should see to before it becomes trouble, each a clause: the root's changes are nearly all that there is room for.
	Warnings  []string     `json:"warnings,omitempty"`
	Steps     []StepResult `json:"steps,omitempty"` // of this boot
	BytesRead int64        `json:"bytes_read"`      // root blocks over the network, this boot
}

// Stage returns the last stage reached, or "" when none is known.
func (m Machine) Stage() Stage {
	if len(m.Boot) == 0 {
		return ""
	}
	return m.Boot[len(m.Boot)-1].Stage
}

// Facts is the hardware that a machine found in itself.
type Facts struct {
	Architecture string      `json:"architecture"` // uname -m
	Kernel       string      `json:"kernel"`       // uname -r
	CPU          string      `json:"cpu"`          // model name
	Cores        int         `json:"cores"`
	MemoryBytes  int64       `json:"memory_bytes"`
	Vendor       string      `json:"vendor,omitempty"` // SMBIOS system information (DMTF DSP0134 section 7.2)
	Product      string      `json:"product,omitempty"`
	Serial       string      `json:"serial,omitempty"`
	UUID         string      `json:"uuid,omitempty"`
	Disks        []Disk      `json:"disks,omitempty"`
	Interfaces   []Interface `json:"interfaces,omitempty"`
	Graphics     []string    `json:"graphics,omitempty"` // "1234:1111 bochs-drm": PCI vendor, device and driver
}

// Disk is a local block device with a driver.
type Disk struct {
	Name      string `json:"name"` // "sda"
	SizeBytes int64  `json:"size_bytes"`
	Model     string `json:"model,omitempty"`
	Removable bool   `json:"removable,omitempty"`
}

// Interface is a network interface with a driver.
type Interface struct {
	Name   string `json:"name"`
	MAC    string `json:"mac"`
	Driver string `json:"driver,omitempty"`
	Up     bool   `json:"up"`
}
