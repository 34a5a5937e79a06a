package spec

// Paths by which deputies, nodes that admit machines while no server can be reached (FieldSpec.Deputy), learn what servers know and tell
// them what they did meanwhile. Servers serve them, and so does a deputy that admits machines: to other deputies it is a server. For the last
// two the query has the deputy's MAC (QueryMAC), and the token of its boot is the bearer token (RFC 6750 section 2.1): the answer
// is 401 if they do not belong together, and 403 if the node is no deputy.
const (
	PathPresence = "/v1/presence" // GET -> 200 Presence
	PathKit      = "/v1/kit"      // GET -> 200 Kit, or 304: its tag is that of If-None-Match
	PathHandover = "/v1/handover" // POST Handover -> 204

	QueryMAC = "mac"
)

// Bounds of these documents, in bytes.
const (
	MaxKit      = 64 << 20
	MaxHandover = 16 << 20
)

// Presence says who can be reached at an address. Anybody may ask.
type Presence struct {
	Name   string `json:"name"`
	Deputy bool   `json:"deputy,omitempty"` // it is no server, but a deputy
	Ready  bool   `json:"ready,omitempty"`  // it has a kit, or is a server: it could admit machines
	Admits bool   `json:"admits,omitempty"` // it admits machines now; a server always does
}

// Kit is all that it takes to admit machines. It is as secret as a server's data folder.
type Kit struct {
	// Tag names this content, as an ETag does: two kits with the same tag are the same.
	Tag  string     `json:"tag"`
	Keys ServerKeys `json:"keys"`
	// Nodes are those that are wanted, without their steps. Most nodes have the same ones: Steps has each once, and Takes says for each of Nodes
	// which of Steps it takes, by their places in it.
	Nodes    []NodeSpec      `json:"nodes"`
	Steps    []Step          `json:"steps,omitempty"`
	Takes    [][]int         `json:"takes"`
	Machines []MachineRecord `json:"machines"`
}

// ServerKeys are what a server answers machines with that join: the files of IdentityDir that it takes. All but Gossip are PEM.
type ServerKeys struct {
	Server   string `json:"server"` // whose they are
	TLS      string `json:"tls"`
	TLSKey   string `json:"tls_key"`
	Passport string `json:"passport,omitempty"` // empty: the server cannot sign passports
	// PassportKey and Gossip are set if Passport is.
	PassportKey string `json:"passport_key,omitempty"`
	Gossip      []byte `json:"gossip,omitempty"`
}

// MachineRecord is one machine as those who admit machines remember it: what was observed, and what it proves itself with.
type MachineRecord struct {
	Machine Machine `json:"machine"`
	Token   string  `json:"token,omitempty"` // of the boot with Machine.BootID; empty: it has not joined
	// PublicKey is that for which the machine got a passport in this boot, as JoinRequest has it.
	PublicKey []byte `json:"public_key,omitempty"`
	// Approved says that an operator lets the machine in under AdmitApprove, also when it comes again.
	Approved bool `json:"approved,omitempty"`
	// Untold says that a deputy has noted something that no server knows yet.
	Untold bool `json:"untold,omitempty"`
}

// Handover is what a deputy has noted while no server answered, or a part of it.
type Handover struct {
	Machines []MachineRecord `json:"machines"`
}

// IsDeputy reports whether the node admits machines while no server can be reached.
func (n NodeSpec) IsDeputy() bool { return n.Field != nil && n.Field.Deputy }
