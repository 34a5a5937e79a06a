package spec

import "encoding/json"

// NodeSpec is what a diskless machine is wanted to be: what it boots, and which steps it takes and which units it runs at each boot.
type NodeSpec struct {
	Name string `json:"name"`
	// MAC binds the name to one machine ("52:54:00:12:34:56"); empty: to whichever machine comes first.
	MAC string `json:"mac,omitempty"`
	// Admission says which machine may take a name without a MAC.
	Admission Admission `json:"admission,omitempty"`
	// Group is the address of the node block without its instance key: those who wait for machines count by it.
	Group string `json:"group,omitempty"`
	// Image is what it boots: a machine that boots another one is never bound to this name, unless by MAC.
	Image Digest `json:"image,omitempty"`
	// Steps are taken in order at each boot, before the machine counts as joined.
	Steps []Step `json:"steps,omitempty"`
	// Units are started after the steps.
	Units []UnitSpec `json:"units,omitempty"`
	// Field says how it takes part in the shared root; nil: by the defaults.
	Field *FieldSpec `json:"field,omitempty"`
	// KeepSteps says that this document speaks of everything but steps and units: those that the server has for the node stay.
	KeepSteps bool `json:"keep_steps,omitempty"`
	// KeepField says that this document does not speak of Field: what the server has of it stays.
	KeepField bool `json:"keep_field,omitempty"`
}

// Admission is a rule for machines whose MAC no node has.
type Admission string

// The rules of admission. A machine whose MAC a node has is let in under all of them.
const (
	AdmitAuto    Admission = "auto"    // also "": whichever machine comes
	AdmitApprove Admission = "approve" // one that an operator has approved
	AdmitListed  Admission = "listed"  // none
)

// UnitSpec is one long-running piece of viver-node: a DHCP server, an NBD server. Each runs in a process of its own.
type UnitSpec struct {
	Name   string          `json:"name"`   // unique on the machine: "boot.dhcp"
	Type   string          `json:"type"`   // which program: "dhcp"
	Config json.RawMessage `json:"config"` // the type's own document
}

// UnitState is a state of a running unit.
type UnitState string

// The states of a unit.
const (
	UnitStarting UnitState = "starting"
	UnitReady    UnitState = "ready"
	UnitFailed   UnitState = "failed" // ended by itself; started again after a pause
	UnitStopped  UnitState = "stopped"
)

// UnitStatus is what was last seen of a unit.
type UnitStatus struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	State    UnitState `json:"state"`
	Detail   string    `json:"detail,omitempty"` // "10.20.0.100-250 on br0", or the error
	Restarts int       `json:"restarts"`
	Services []Service `json:"services,omitempty"` // announced by DNS-SD while the unit is ready
}

// Service is a DNS-SD service that a ready unit asks the agent to announce.
type Service struct {
	Type string   `json:"type"` // "_nbd._tcp"
	Port int      `json:"port"`
	Text []string `json:"text,omitempty"` // TXT strings, "key=value", beside "cluster=ID" which every service has
}

// UnitEvent is one line of JSON that a unit's process writes on its event pipe. Exactly one field is set.
type UnitEvent struct {
	Ready   *UnitReadyEvent `json:"ready,omitempty"`
	Machine *MachineEvent   `json:"machine,omitempty"`
}

// UnitReadyEvent says that the unit serves.
type UnitReadyEvent struct {
	Detail   string    `json:"detail"`
	Services []Service `json:"services,omitempty"`
}

// MachineEvent says that a machine, known by its MAC, got as far as a stage of its boot.
type MachineEvent struct {
	MAC     string `json:"mac"`
	Stage   Stage  `json:"stage"`
	Detail  string `json:"detail,omitempty"` // "UEFI x64, 10.20.0.101"
	Address string `json:"address,omitempty"`
	// Firmware is "bios" or "uefi" where the event tells.
	Firmware string `json:"firmware,omitempty"`
}

// UnitStart is what the agent writes to the standard input of a unit's process: the unit and the world that it finds itself in.
type UnitStart struct {
	Unit     UnitSpec `json:"unit"`
	Cluster  string   `json:"cluster"`
	Trust    Trust    `json:"trust"`
	Machine  string   `json:"machine"`   // name of the machine that runs the unit
	ImageDir string   `json:"image_dir"` // an image store (package imagestore)
	StateDir string   `json:"state_dir"` // the unit's own folder; survives a restart of the unit
	// Passport is the machine's, and Key the private key to it (PKCS #8, PEM), for units that serve blocks; nil: there is none.
	Passport *Passport `json:"passport,omitempty"`
	Key      string    `json:"key,omitempty"`
}
