package spec

// Paths by which machines learn which images a server has. The server's certificate is checked as when they join; anybody may ask, as images
// hold no secret.
const (
	PathImages   = "/v1/images"   // GET -> 200 ReportResponse
	PathManifest = "/v1/manifest" // GET, the query has the image's ID (QueryImage) -> 200 its Manifest, byte for byte as the digest is made of it

	QueryImage = "image"
)

// MaxManifest bounds a manifest that comes over a network, in bytes. It has room for the digests of some 50 GiB.
const MaxManifest = 16 << 20

// ReportResponse is what a server has. Machines hold these images for one another, also those that none of them runs yet.
type ReportResponse struct {
	Server string   `json:"server"` // its name
	Images []Digest `json:"images"` // the newest first
}
