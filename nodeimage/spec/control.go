package spec

import "encoding/json"

// Subsystem is the SSH subsystem (RFC 4254 section 6.5) by which an operator talks to an agent. On each channel the client
// sends one line with a Request, then the request's payload if it has one (image.put); the agent answers with lines of Reply,
// of which the last has Result or Error set.
const Subsystem = "viver"

// Principal is the one that the operator's SSH user certificates carry.
const Principal = "viver"

// Request asks an agent to do something.
type Request struct {
	Op   Op              `json:"op"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Reply is one line of an answer.
type Reply struct {
	Progress string          `json:"progress,omitempty"`
	Event    json.RawMessage `json:"event,omitempty"` // one element of a stream (machines.watch: Machine)
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// Op names what an agent can be asked for. The comment gives arguments -> result.
type Op string

// The operations of an agent. Those marked S make sense on a server only, those marked N on a diskless node.
const (
	OpStatus       Op = "status"          // - -> AgentStatus
	OpUnitPut      Op = "unit.put"        // UnitSpec -> UnitStatus, when it is ready or has failed
	OpUnitRemove   Op = "unit.remove"     // Named -> UnitStatus
	OpNodePut      Op = "node.put"        // S: NodeSpec -> Machine, zero if no machine is bound to it yet
	OpNodeRemove   Op = "node.remove"     // S: Named -> -; the machine's binding is forgotten
	OpMachines     Op = "machines"        // S, and nodes that are deputies: - -> []Machine
	OpMachineWatch Op = "machines.watch"  // S: - -> a stream of Machine events, all that are known first; ends with the channel
	OpApprove      Op = "machine.approve" // S: Approval -> []Machine, those that it was for
	OpImagePut     Op = "image.put"       // S: Manifest, then the payload: each of Files by name, then root -> -
	OpImageList    Op = "image.list"      // S: - -> []StoredImage
	OpImageRemove  Op = "image.remove"    // S: Named, an image's ID -> -; one in use goes when nobody uses it any more
	OpSteps        Op = "steps"           // StepRun -> a stream of StepResult events
	OpPowerOff     Op = "poweroff"        // PowerOff, or nothing -> -, when the machine has begun to go down; refused on a server with local disk
	OpFieldStatus  Op = "field.status"    // N: - -> field.Status
	OpFieldMap     Op = "field.map"       // N: Named, an image's ID -> []field.Range
	OpFieldWish    Op = "field.wish"      // N: FieldWish -> -
	OpQuit         Op = "quit"            // S: - -> -; the agent ends all units and itself
)

// Named are the arguments of operations on one named thing.
type Named struct {
	Name string `json:"name"`
}

// The modes of a StepRun.
const (
	ModeCheck = "check" // nothing is changed; it goes on after a failure
	ModeApply = "apply"
	ModeUndo  = "undo"
)

// Approval lets machines in that wait for it.
type Approval struct {
	MACs []string `json:"macs,omitempty"` // those that the server has not seen are passed over
	All  bool     `json:"all,omitempty"`  // all that wait now
}

// StepRun asks for steps to be checked, applied or undone.
type StepRun struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// AgentStatus is what an agent says of itself.
type AgentStatus struct {
	Version  string       `json:"version"`
	Cluster  string       `json:"cluster"`
	Name     string       `json:"name"`
	Hostname string       `json:"hostname"`
	BootID   string       `json:"boot_id"`
	Stage    Stage        `json:"stage,omitempty"` // of a diskless node
	Image    Digest       `json:"image,omitempty"`
	Units    []UnitStatus `json:"units,omitempty"`
	Facts    *Facts       `json:"facts,omitempty"`
	// BytesRead counts root blocks fetched over the network since boot.
	BytesRead int64 `json:"bytes_read"`
	// Passports says that a server can sign them; one that was set up by an earlier version cannot, until it is applied again.
	Passports bool `json:"passports,omitempty"`
}
