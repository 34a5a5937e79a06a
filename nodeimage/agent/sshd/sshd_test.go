package sshd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/agent/sshd"
	"viver/nodeimage/spec"
)

func signer(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certified returns a key with an operator's certificate by authority, changed by spoil before it is signed.
func certified(t *testing.T, authority ssh.Signer, spoil func(*ssh.Certificate)) ssh.Signer {
	t.Helper()
	key := signer(t)
	cert := &ssh.Certificate{
		CertType: ssh.UserCert, Key: key.PublicKey(), ValidPrincipals: []string{spec.Principal},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
	}
	if spoil != nil {
		spoil(cert)
	}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve runs a server until the test ends and returns its address and its authority.
func serve(t *testing.T, change func(*sshd.Server)) (addr string, authority ssh.Signer) {
	t.Helper()
	authority = signer(t)
	s := &sshd.Server{HostKey: signer(t), Authority: authority.PublicKey()}
	if change != nil {
		change(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), authority
}

func dial(addr, user string, key ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
}

func session(t *testing.T, addr string, authority ssh.Signer) *ssh.Session {
	t.Helper()
	client, err := dial(addr, "root", certified(t, authority, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOnlyTheAuthoritysCertificatesComeIn(t *testing.T) {
	addr, authority := serve(t, nil)
	hour := func(n int) uint64 { return uint64(time.Now().Add(time.Duration(n) * time.Hour).Unix()) }
	for name, c := range map[string]struct {
		user string
		key  ssh.Signer
		ok   bool
	}{
		"root":               {"root", certified(t, authority, nil), true},
		"viver":              {"viver", certified(t, authority, nil), true},
		"another user":       {"alice", certified(t, authority, nil), false},
		"the authority bare": {"root", authority, false},
		"any key":            {"root", signer(t), false},
		"another authority":  {"root", certified(t, signer(t), nil), false},
		"a host certificate": {"root", certified(t, authority, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }), false},
		"another principal":  {"root", certified(t, authority, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root"} }), false},
		"no principal":       {"root", certified(t, authority, func(c *ssh.Certificate) { c.ValidPrincipals = nil }), false},
		"expired":            {"root", certified(t, authority, func(c *ssh.Certificate) { c.ValidBefore = hour(-1) + 1 }), false},
		"not yet valid":      {"root", certified(t, authority, func(c *ssh.Certificate) { c.ValidAfter = hour(1) - 1 }), false},
		"from elsewhere": {"root", certified(t, authority, func(c *ssh.Certificate) {
			c.CriticalOptions = map[string]string{"source-address": "192.0.2.1/32"}
		}), false},
		"an unknown option": {"root", certified(t, authority, func(c *ssh.Certificate) {
			c.CriticalOptions = map[string]string{"force-command": "true"}
		}), false},
	} {
		client, err := dial(addr, c.user, c.key)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			client.Close()
		}
	}
}

func TestExec(t *testing.T) {
	pids := make(chan int, 1)
	addr, authority := serve(t, func(s *sshd.Server) { s.Started = func(pid int) { pids <- pid } })
	s := session(t, addr, authority)
	var out, errs bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader("in\n"), &out, &errs
	err := s.Run("read x; echo got $x by $USER, pid $$; echo bad >&2; exit 3")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 3 {
		t.Errorf("ended with %v", err)
	}
	if want := fmt.Sprintf("got in by root, pid %d\n", <-pids); out.String() != want || errs.String() != "bad\n" {
		t.Errorf("printed %q and %q, want %q", out.String(), errs.String(), want)
	}
}

func TestLargeOutputArrivesWhole(t *testing.T) {
	addr, authority := serve(t, nil)
	out, err := session(t, addr, authority).Output("head -c 5000000 /dev/zero")
	if err != nil || len(out) != 5000000 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestSignalledCommand(t *testing.T) {
	addr, authority := serve(t, nil)
	var exit *ssh.ExitError
	if err := session(t, addr, authority).Run("kill -9 $$"); !errors.As(err, &exit) || exit.ExitStatus() != 137 {
		t.Errorf("%v", err)
	}
}

func TestShellWithTerminal(t *testing.T) {
	addr, authority := serve(t, nil)
	s := session(t, addr, authority)
	if err := s.RequestPty("vt100", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if err := s.WindowChange(50, 132); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "stty size; tty; echo $TERM; exit 5\n"); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 5 {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"50 132", "/dev/pts/", "vt100"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}

func TestCommandEndsWithItsClient(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("this test run ignores SIGHUP, and so would the shell")
	}
	pids := make(chan int, 1)
	addr, authority := serve(t, func(s *sshd.Server) { s.Started = func(pid int) { pids <- pid } })
	s := session(t, addr, authority)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(t.TempDir(), "fifo")
	// Short sleeps: a signal that comes while the shell starts one waits for its end, and the server does not wait long.
	if err := s.Start("mkfifo " + mark + "; trap 'echo hup >" + mark + "; exit' HUP; echo ready; while :; do sleep 0.1; done"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	<-pids
	s.Close()
	if got, err := os.ReadFile(mark); err != nil || string(got) != "hup\n" { // opens when the trap writes
		t.Errorf("%q, %v", got, err)
	}
}

func TestSubsystem(t *testing.T) {
	addr, authority := serve(t, func(s *sshd.Server) {
		s.Subsystems = map[string]sshd.Subsystem{"echo": func(_ context.Context, c io.ReadWriter) error {
			_, err := io.CopyN(c, c, 5)
			return err
		}}
	})
	s := session(t, addr, authority)
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSubsystem("echo"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "hello"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(out); err != nil || string(got) != "hello" { // the channel is closed behind it
		t.Errorf("%q, %v", got, err)
	}
	if err := session(t, addr, authority).RequestSubsystem("sftp"); err == nil {
		t.Error("an unknown subsystem was started")
	}
}

func TestSessionSeesItsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: chroot")
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "here"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	addr, authority := serve(t, func(s *sshd.Server) { s.Root = root })
	// There is no shell in this root: that must be said, and must not run the one outside.
	s := session(t, addr, authority)
	var errs bytes.Buffer
	s.Stderr = &errs
	var exit *ssh.ExitError
	if err := s.Run("ls"); !errors.As(err, &exit) || exit.ExitStatus() != 127 || !strings.Contains(errs.String(), "/bin/sh") {
		t.Errorf("%v, %q", err, errs.String())
	}
	if err := session(t, addr, authority).RequestPty("vt100", 24, 80, nil); err == nil {
		t.Error("a terminal of another root was given")
	}
}

func TestForwardingIsRefused(t *testing.T) {
	addr, authority := serve(t, nil)
	client, err := dial(addr, "root", certified(t, authority, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Dial("tcp", addr); err == nil {
		t.Error("a port was forwarded")
	}
	if _, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was opened")
	}
}
