package spec

import "time"

// Paths of the HTTPS interface by which machines join. The client checks the server's certificate against Bundle.Trust.TLS.
const (
	PathJoin   = "/v1/join"   // POST JoinRequest -> 200 JoinResponse, or 202 JoinWait: ask again
	PathReport = "/v1/report" // POST Report -> 200 ReportResponse, or 204 of who has no images
)

// JoinRequest is what a booting machine says of itself.
type JoinRequest struct {
	Cluster  string `json:"cluster"`
	MAC      string `json:"mac"`
	Address  string `json:"address"`
	Firmware string `json:"firmware,omitempty"` // bios, uefi
	BootID   string `json:"boot_id"`
	Image    Digest `json:"image"`
	HostKey  string `json:"host_key"` // public, one line in the form of authorized_keys
	// PublicKey is that which the machine wants a passport for (PKIX, DER); empty: it wants none.
	PublicKey []byte      `json:"public_key,omitempty"`
	Facts     Facts       `json:"facts"`
	Boot      []StageTime `json:"boot"`
}

// JoinResponse admits a machine.
type JoinResponse struct {
	Node  NodeSpec  `json:"node"`
	Token string    `json:"token"` // goes into each Report of this boot
	Time  time.Time `json:"time"`  // the server's clock, for machines whose own stands in another year
	// Passport is for the request's PublicKey; nil: there was none, or the server cannot sign one.
	Passport *Passport `json:"passport,omitempty"`
}

// JoinWait puts a machine off.
type JoinWait struct {
	Reason       string  `json:"reason"`
	RetrySeconds float64 `json:"retry_seconds"`
}

// Report tells the server what became of a machine's boot. All fields but the first two are optional.
type Report struct {
	MAC       string       `json:"mac"`
	Token     string       `json:"token"`
	Boot      []StageTime  `json:"boot,omitempty"` // stages new since the last report
	Waiting   string       `json:"waiting,omitempty"`
	Warnings  []string     `json:"warnings,omitempty"` // all that there are now
	Address   string       `json:"address,omitempty"`
	Steps     []StepResult `json:"steps,omitempty"`
	BytesRead int64        `json:"bytes_read,omitempty"`
}
