package spec

// PathPassport is where a machine that has joined gets a new passport before the old one expires: POST PassportRequest -> 200 Passport.
const PathPassport = "/v1/passport"

// Passport is what a machine shows the others of its cluster, and knows them by. The private key to it never leaves the machine. It is
// secret: the gossip key is in it.
type Passport struct {
	// Chain is PEM: the machine's own certificate, for its name, and the server's that has signed it.
	Chain string `json:"chain"`
	// Root is one certificate, PEM, of the cluster's authority: where the chains of all machines end.
	Root string `json:"root"`
	// Gossip is the key of what members tell one another: 32 bytes.
	Gossip []byte `json:"gossip"`
}

// PassportRequest asks for another passport, for the key that the machine joined with.
type PassportRequest struct {
	MAC   string `json:"mac"`
	Token string `json:"token"`
}

// MachineDomain is the DNS domain of the names in passports. An authority that signs them can sign nothing outside of it, so no passport is
// a certificate for ServerName.
func MachineDomain(cluster string) string { return "machine." + cluster + ".viver" }

// MachineName is the name in the passport of a node or a server.
func MachineName(cluster, name string) string { return name + "." + MachineDomain(cluster) }
