package ssh

import (
	"bytes"
	"fmt"
	"net"
	"strings"

	cryptossh "golang.org/x/crypto/ssh"
)

// HostKey says how a host proves who it is. The zero value is refused.
type HostKey struct {
	id         string // tells checks apart, as connections are shared among equal ones
	algorithms []string
	check      func(key cryptossh.PublicKey) error
}

// KeyError is the error of a host that is not the one that was expected. Trying again does not help.
type KeyError struct {
	Host   string
	Reason string
}

// Error implements error.
func (e *KeyError) Error() string { return fmt.Sprintf("ssh: %s: %s", e.Host, e.Reason) }

// Pinned accepts exactly this key.
func Pinned(key cryptossh.PublicKey) HostKey {
	return HostKey{
		id:         "pinned " + cryptossh.FingerprintSHA256(key),
		algorithms: algorithmsOf(key.Type()),
		check: func(got cryptossh.PublicKey) error {
			if !bytes.Equal(got.Marshal(), key.Marshal()) {
				return fmt.Errorf("it has another host key (%s) than the one that is known (%s): another machine has taken its address, or somebody is in between",
					cryptossh.FingerprintSHA256(got), cryptossh.FingerprintSHA256(key))
			}
			return nil
		},
	}
}

// SignedBy accepts a host certificate for name that the authority has signed.
func SignedBy(authority cryptossh.PublicKey, name string) HostKey {
	checker := cryptossh.CertChecker{IsHostAuthority: func(key cryptossh.PublicKey, _ string) bool {
		return bytes.Equal(key.Marshal(), authority.Marshal())
	}}
	return HostKey{
		id:         "signed " + cryptossh.FingerprintSHA256(authority) + " " + name,
		algorithms: []string{cryptossh.CertAlgoED25519v01},
		check: func(got cryptossh.PublicKey) error {
			cert, ok := got.(*cryptossh.Certificate)
			if !ok {
				return fmt.Errorf("it has no certificate of this cluster: it is not server %s, or serves another cluster", name)
			}
			if err := checker.CheckHostKey(name+":0", nil, cert); err != nil {
				return fmt.Errorf("it is not server %s of this cluster: %w", name, err)
			}
			return nil
		},
	}
}

// ParseKey reads a key in the form of authorized_keys or of a line of known_hosts without the host.
func ParseKey(line string) (cryptossh.PublicKey, error) {
	key, _, _, rest, err := cryptossh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("ssh: %.60q is no public key: want one line like \"ssh-ed25519 AAAA...\"", line)
	}
	return key, nil
}

// algorithmsOf returns the signature algorithms to ask for, so that a host with several keys shows the expected one.
func algorithmsOf(keyType string) []string {
	if keyType == cryptossh.KeyAlgoRSA {
		return []string{cryptossh.KeyAlgoRSASHA512, cryptossh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

// callback turns k into what the library asks for. What it refused comes back in refused, as the library hides it in a text.
func (k HostKey) callback(host string, refused *error) cryptossh.HostKeyCallback {
	return func(_ string, _ net.Addr, key cryptossh.PublicKey) error {
		if err := k.check(key); err != nil {
			*refused = &KeyError{Host: host, Reason: strings.TrimPrefix(err.Error(), "ssh: ")}
			return *refused
		}
		return nil
	}
}
