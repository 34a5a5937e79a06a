package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/providers/trust"
)

// found is what a host says of itself before its agent is asked.
type found struct {
	user    int
	program string            // SHA-256 of viver-node, hexadecimal; empty: there is none
	pid     string            // of the agent; empty: it does not run
	files   map[string][]byte // public files of its identity
}

func parseFound(text []byte) (found, error) {
	f := found{files: map[string][]byte{}}
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch word {
		case "user":
			f.user, err = strconv.Atoi(rest)
		case "program":
			f.program = rest
		case "pid":
			f.pid = rest
		default:
			f.files[word], err = base64.StdEncoding.DecodeString(rest)
		}
		if err != nil {
			return f, fmt.Errorf("it answered %.60q, which is not understood: %w", line, err)
		}
	}
	return f, nil
}

// errForeign is wrapped in the error of a data folder that another server uses.
var errForeign = errors.New("another server's")

// refuseForeign refuses a data folder that is another cluster's, or that of another server whose agent runs.
func (f found) refuseForeign(a *trust.Authority, name string) error {
	var id spec.Identity
	switch err := spec.Decode(f.files["identity.json"], &id); {
	case err != nil: // none, or half of one
		return nil
	case id.Cluster != a.Cluster():
		return fmt.Errorf("it is %w, of the cluster %s (this one is %s): destroy that one first, or set another data_dir", errForeign, id.Cluster, a.Cluster())
	case id.Name != name && f.pid != "":
		return fmt.Errorf("it is %w: the agent of %q runs there: set another data_dir; if that server has just got another name, apply again", errForeign, id.Name)
	}
	return nil
}

// hasIdentity tells whether the files are the identity of a server of this name in a's cluster.
func (f found) hasIdentity(a *trust.Authority, name string) bool {
	var id spec.Identity
	if spec.Decode(f.files["identity.json"], &id) != nil {
		return false
	}
	_, err := hostKey(f.files["host_key-cert.pub"], a, name)
	// Servers of an earlier version could not sign passports, and get an identity with which they can.
	return err == nil && id.Name == name && id.Trust == a.Trust() && len(f.files["tls.crt"]) > 0 && len(f.files["passport.crt"]) > 0
}

// hostKey returns the key in a host certificate for name.
func hostKey(line []byte, a *trust.Authority, name string) (cryptossh.PublicKey, error) {
	key, _, _, _, err := cryptossh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, err
	}
	cert, ok := key.(*cryptossh.Certificate)
	if !ok {
		return nil, errors.New("it is no certificate")
	}
	checker := cryptossh.CertChecker{IsHostAuthority: func(key cryptossh.PublicKey, _ string) bool {
		return bytes.Equal(key.Marshal(), a.PublicKey().Marshal())
	}}
	return cert.Key, checker.CheckHostKey(name+":0", nil, cert)
}

// newIdentity makes the files of an identity, in the form that host.sh reads.
func newIdentity(a *trust.Authority, name string) ([]byte, error) {
	files, err := a.Server(name)
	if err != nil {
		return nil, err
	}
	if files[spec.IdentityFile], err = json.Marshal(spec.Identity{Cluster: a.Cluster(), Name: name, Trust: a.Trust()}); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, file := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%s %s\n", file, base64.StdEncoding.EncodeToString(files[file]))
	}
	return b.Bytes(), nil
}
