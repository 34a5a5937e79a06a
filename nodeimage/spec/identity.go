package spec

// IdentityDir is the folder below a server's data folder in which the operator's side puts who the server is: host_key and
// host_key-cert.pub (SSH), tls.key and tls.crt (PEM), what it signs passports with (passport.key and passport.crt, PEM, its own
// certificate before the root; gossip.key, 32 bytes), and IdentityFile. Only root can read them.
const (
	IdentityDir  = "identity"
	IdentityFile = "identity.json"
)

// Identity is the document in IdentityFile.
type Identity struct {
	Cluster string `json:"cluster"` // ID
	Name    string `json:"name"`    // of this server
	Trust   Trust  `json:"trust"`
}

// ServerName is the DNS name in the TLS certificates of a cluster's servers. Addresses are not in them: servers may move.
func ServerName(cluster string) string { return "server." + cluster + ".viver" }
