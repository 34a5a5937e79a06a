package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	cryptossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Login is how to reach a machine by the sshd of its distribution.
type Login struct {
	Host         string
	Port         int    // 0: 22
	User         string // empty: the one who runs viver
	IdentityFile string // private key; empty: those of ssh-agent, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa
	HostKey      string // public key, as in authorized_keys; empty: known_hosts must know it
}

// Target reads the files that l speaks of. The error says what is missing.
func (l Login) Target() (Target, error) {
	port := l.Port
	if port == 0 {
		port = 22
	}
	t := Target{Addr: net.JoinHostPort(l.Host, strconv.Itoa(port)), User: l.User}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root"
	}
	if t.User == "" {
		u, err := user.Current()
		if err != nil {
			return Target{}, fmt.Errorf("ssh: who logs in to %s: %w: set user in the ssh block", t.Addr, err)
		}
		t.User = u.Username
	}
	if t.Auth, err = l.auth(home); err != nil {
		return Target{}, err
	}
	if l.HostKey != "" {
		key, err := ParseKey(l.HostKey)
		if err != nil {
			return Target{}, fmt.Errorf("host_key: %w", err)
		}
		t.HostKey = Pinned(key)
		return t, nil
	}
	t.HostKey, err = knownHost(t.Addr, filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts")
	return t, err
}

// auth returns the ways to log in.
func (l Login) auth(home string) ([]cryptossh.AuthMethod, error) {
	if l.IdentityFile != "" {
		signer, err := readIdentity(l.IdentityFile)
		if err != nil {
			return nil, err
		}
		return []cryptossh.AuthMethod{cryptossh.PublicKeys(signer)}, nil
	}
	return []cryptossh.AuthMethod{cryptossh.PublicKeysCallback(func() ([]cryptossh.Signer, error) {
		signers, _ := fromAgent(os.Getenv("SSH_AUTH_SOCK")) // there may be none: then the files
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			if signer, err := readIdentity(filepath.Join(home, ".ssh", name)); err == nil {
				signers = append(signers, signer)
			}
		}
		if len(signers) == 0 {
			return nil, errors.New("there is no key to log in with: start ssh-agent, or set identity_file in the ssh block")
		}
		return signers, nil
	})}, nil
}

func readIdentity(name string) (cryptossh.Signer, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("ssh: identity_file: %w", err)
	}
	signer, err := cryptossh.ParsePrivateKey(data)
	var locked *cryptossh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("ssh: identity_file %s has a passphrase: load it into ssh-agent (ssh-add %s) and leave identity_file out", name, name)
	}
	if err != nil {
		return nil, fmt.Errorf("ssh: identity_file %s: %w", name, err)
	}
	return signer, nil
}

// knownHost accepts the keys that the files know for addr.
func knownHost(addr string, files ...string) (HostKey, error) {
	var there []string
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			there = append(there, f)
		}
	}
	check, err := knownhosts.New(there...)
	if err != nil {
		return HostKey{}, fmt.Errorf("ssh: read known_hosts: %w", err)
	}
	verify := func(key cryptossh.PublicKey) error { return check(addr, &net.TCPAddr{}, key) }
	k := HostKey{id: "known " + addr, check: func(key cryptossh.PublicKey) error {
		err := verify(key)
		var unknown *knownhosts.KeyError
		switch {
		case !errors.As(err, &unknown):
			return err
		case len(unknown.Want) == 0:
			return fmt.Errorf("its host key is not known. If %s is what it says of itself on its console, add this line to %s:\n%s",
				cryptossh.FingerprintSHA256(key), files[0], knownhosts.Line([]string{addr}, key))
		default:
			return fmt.Errorf("it has another host key (%s) than %s:%d says: another machine has taken its address, or somebody is in between",
				cryptossh.FingerprintSHA256(key), unknown.Want[0].Filename, unknown.Want[0].Line)
		}
	}}
	// Ask the host for a key of the kind that is known.
	var known *knownhosts.KeyError
	if errors.As(verify(noKey{}), &known) {
		for _, want := range known.Want {
			k.algorithms = append(k.algorithms, algorithmsOf(want.Key.Type())...)
		}
	}
	return k, nil
}

// noKey is a key that no host has.
type noKey struct{ cryptossh.PublicKey }

func (noKey) Type() string    { return "none" }
func (noKey) Marshal() []byte { return nil }
