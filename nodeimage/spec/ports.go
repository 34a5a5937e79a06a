package spec

// Ports on which viver's own services listen. NBD has a port of its own at IANA (10809); the others stand beside it.
const (
	PortNBD     = 10809 // NBD: image blocks
	PortField   = 10811 // control connections between members of V-FIELD: what they hold
	PortGossip  = 10812 // UDP and TCP: which members live
	PortSSH     = 10822 // SSH of the agent, on every machine
	PortJoin    = 10843 // HTTPS of the agent on a server: machines ask to join, and report
	PortMetrics = 10845 // HTTP of the agent on a node: /metrics, for Prometheus
)

// DNS-SD service types (RFC 6763 section 4.1.2) under which machines announce what they serve. TXT records carry
// "cluster=ID", and for NBD one "image=ID" for each export.
const (
	ServiceNBD   = "_nbd._tcp"
	ServiceField = "_viver-field._tcp" // who lives among those that share roots: PortGossip
	ServiceJoin  = "_viver-join._tcp"
	ServiceSSH   = "_ssh._tcp"
	ServiceBoot  = "_viver-boot._tcp"
)
