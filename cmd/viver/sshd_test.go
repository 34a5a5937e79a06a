package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	cryptossh "golang.org/x/crypto/ssh"
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
	s := &sshd{port: freePort(t), identityFile: filepath.Join(dir, "client")}
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
	runSSHD(t, exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config")))
	return s
}

// runSSHD starts the process, waits until it listens, and ends it with the test.
func runSSHD(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	listening, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		first := true
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if first && strings.Contains(lines.Text(), "listening on") {
				first = false
				close(listening)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // reports the kill
	})
	select {
	case <-listening:
	case <-ended:
		t.Fatal("sshd ended")
	case <-time.After(time.Minute):
		t.Fatal("sshd does not listen after a minute")
	}
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
