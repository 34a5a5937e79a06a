package spec

// Where the bundle's cpio puts its files in the initramfs.
const (
	BundlePath   = "/viver/bundle.json"
	ManifestPath = "/viver/manifest.json"
)

// Bundle is the identity of a cluster, as a booting machine gets it: the small second initrd that each deployment has. It
// holds nothing secret: any machine on the network can fetch it.
type Bundle struct {
	Version int    `json:"version"` // 1
	Cluster string `json:"cluster"` // ID: the first 16 hexadecimal digits of the SHA-256 of the CA's public key
	Trust   Trust  `json:"trust"`
	// Image is the digest of the manifest that stands beside the bundle.
	Image Digest `json:"image"`
	// Servers are hints: where a machine asks first, before mDNS.
	Servers []Server `json:"servers"`
}

// Trust is the public half of the cluster's certificate authority.
type Trust struct {
	SSH string `json:"ssh"` // one line in the form of authorized_keys
	TLS string `json:"tls"` // one certificate, PEM
}

// Server is a machine that serves others. Addresses are "host:port"; an empty one is not served there.
type Server struct {
	Name string `json:"name"`
	Join string `json:"join"`
	NBD  string `json:"nbd"`
}
