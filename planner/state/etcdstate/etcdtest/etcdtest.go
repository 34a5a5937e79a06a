// Package etcdtest is a real etcd server on loopback, for one test.
package etcdtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"viver/planner/state/statetest"
)

// Server is the server.
type Server struct {
	Endpoint string // "http://127.0.0.1:41234"
	// The files of a TLS server: its authority, and a client's certificate that it wants to see; empty without TLS.
	CA, Cert, Key string

	command *exec.Cmd
}

// Start starts a server that ends with the test, and waits until it answers. With TLS it believes only clients with a certificate.
func Start(t *testing.T, withTLS bool) *Server {
	t.Helper()
	program, err := exec.LookPath("etcd")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("etcd: %v: apt-get install etcd-server", err)
		}
		t.Skip("there is no etcd: apt-get install etcd-server")
	}
	s := &Server{Endpoint: "http://" + statetest.FreeAddress(t).String()}
	peer := "http://" + statetest.FreeAddress(t).String()
	args := []string{
		"--data-dir", t.TempDir(), "--log-level", "info", "--logger", "zap", "--log-outputs", "stderr", "--name", "test",
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "test=" + peer, "--unsafe-no-fsync",
	}
	if withTLS {
		args = append(args, s.certificates(t)...)
	}
	args = append(args, "--listen-client-urls", s.Endpoint, "--advertise-client-urls", s.Endpoint)
	s.command = exec.Command(program, args...)
	statetest.RunDaemon(t, s.command, "serving client traffic")
	return s
}

// Pause stops the server in its tracks until Resume.
func (s *Server) Pause() error { return s.command.Process.Signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() error { return s.command.Process.Signal(syscall.SIGCONT) }

// certificates makes the files of TLS, and returns the flags that name them.
func (s *Server) certificates(t *testing.T) []string {
	t.Helper()
	s.Endpoint = strings.Replace(s.Endpoint, "http:", "https:", 1)
	dir := t.TempDir()
	_, caKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := template(1)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	s.CA = filepath.Join(dir, "ca.crt")
	sign(t, s.CA, ca, ca, caKey.Public(), caKey)
	issue := func(name string, serial int64) (cert, key string) {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
		sign(t, cert, template(serial), ca, public, caKey)
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		write(t, key, "PRIVATE KEY", der)
		return cert, key
	}
	serverCert, serverKey := issue("server", 2)
	s.Cert, s.Key = issue("client", 3)
	return []string{"--cert-file", serverCert, "--key-file", serverKey, "--client-cert-auth", "--trusted-ca-file", s.CA}
}

func template(serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("test ", serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func sign(t *testing.T, path string, cert, parent *x509.Certificate, public any, key ed25519.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "CERTIFICATE", der)
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
