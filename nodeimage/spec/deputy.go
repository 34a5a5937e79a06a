package spec

// Paths by which deputies, nodes that admit machines while no server can be reached (FieldSpec.Deputy), learn what servers know and tell
// them what they did meanwhile. Servers serve them, and so does a deputy that admits machines: to other deputies it is a server.
const (
	PathPresence = "/v1/presence" // GET -> 200 Presence
	PathKit      = "/v1/kit"      // POST KitRequest -> 200 Kit, 204: it is the one that the deputy has, 401: unknown token, 403: no deputy
	PathHandover = "/v1/handover" // POST Handover -> 204, 401: unknown token, 403: no deputy
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

// KitRequest asks for all that it takes to admit machines. Who asks is known by the token of its boot, as in a Report.
type KitRequest struct {
	MAC   string `json:"mac"`
	Token string `json:"token"`
	// Have is the tag of the kit that the deputy has already; empty: it has none.
	Have string `json:"have,omitempty"`
}

// Kit is all that it takes to admit machines. It is as secret as a server's data folder.
type Kit struct {
	// Tag names this content: two kits with the same tag are the same.
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
	MAC      string          `json:"mac"`
	Token    string          `json:"token"`
	Machines []MachineRecord `json:"machines"`
}
