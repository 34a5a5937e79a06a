package spec

// FieldSpec is what a node is told of V-FIELD, the shared root in the memory of all. What is zero has the default of package field.
type FieldSpec struct {
	// Memory is how much of the machine's RAM holds a share of the images: "25%", or bytes such as "512MiB".
	Memory string `json:"memory,omitempty"`
	// Replicas is how many nodes are to hold each chunk. Nodes of one cluster should agree.
	Replicas int `json:"replicas,omitempty"`
	// Prefer says how much more often than others a machine is asked, by its name: 2 is as if it were twice as fast.
	Prefer map[string]float64 `json:"prefer,omitempty"`
	// Pins bind ranges of images to machines.
	Pins []Pin `json:"pins,omitempty"`
	// Deputy says that this node admits machines while no server can be reached. It knows what servers know, the steps of all nodes among it.
	Deputy bool `json:"deputy,omitempty"`
}

// Pin says that a range of an image comes from certain machines, as long as one of them can be reached.
type Pin struct {
	Image   Digest   `json:"image"`
	Offset  int64    `json:"offset"` // bytes
	Length  int64    `json:"length"`
	Members []string `json:"members"` // names
}

// FieldWish is what an operator wishes of a machine's use, seen from the node that is told.
type FieldWish struct {
	Name   string  `json:"name"`             // of the machine that is wished for
	Drain  *bool   `json:"drain,omitempty"`  // not to be asked as long as anybody else can be; of itself: hand over and stay
	Prefer float64 `json:"prefer,omitempty"` // 0: unchanged
}

// PowerOff says how a machine is to go down.
type PowerOff struct {
	// Force says that it goes also if it holds what no other machine does.
	Force bool `json:"force,omitempty"`
}
