package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/planner/state/statetest"
)

// sshd is a real OpenSSH server on loopback, with keys of its own.
type sshd struct {
	port         int
	hostKey      string // as host_key wants it
	identityFile string
}

// startSSHD starts one that lets in who runs the test, by one key, until the test ends.
func startSSHD(t *testing.T) *sshd {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: apt-get install openssh-server", err)
		}
		t.Skip("there is no sshd: apt-get install openssh-server")
	}
	if os.Geteuid() != 0 {
		t.Skip("an sshd needs root, and /run/sshd")
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &sshd{port: statetest.FreeAddress(t).Port, identityFile: filepath.Join(dir, "client")}
	s.hostKey = writeKey(t, filepath.Join(dir, "host"))
	authorized := filepath.Join(dir, "authorized_keys")
	config := fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
LogLevel INFO
`, s.port, filepath.Join(dir, "host"), authorized)
	for name, text := range map[string]string{filepath.Join(dir, "config"): config, authorized: writeKey(t, s.identityFile) + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	statetest.RunDaemon(t, exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config")), "listening on")
	return s
}

// writeKey makes a private key and returns the public one.
func writeKey(t *testing.T, path string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := cryptossh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := cryptossh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(cryptossh.MarshalAuthorizedKey(key)))
}
