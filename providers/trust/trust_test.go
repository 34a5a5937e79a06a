package trust_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/providers/trust"
)

func open(t *testing.T, dir string) *trust.Authority {
	t.Helper()
	a, err := trust.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOpenTwiceIsOneCluster(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "ca")
	if _, err := trust.Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no cluster yet, got %v", err)
	}
	first, second := open(t, dir), open(t, dir)
	if first.Cluster() != second.Cluster() || first.Trust() != second.Trust() || len(first.Cluster()) != 16 {
		t.Errorf("%s became %s", first.Cluster(), second.Cluster())
	}
	if other := open(t, t.TempDir()); other.Cluster() == first.Cluster() {
		t.Error("two clusters have one ID")
	}
	for name, want := range map[string]fs.FileMode{"ca.key": 0o600, "ca.pub": 0o644, "ca.crt": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for want, spoil := range map[string]func(dir string) error{
		"can be read by others": func(dir string) error { return os.Chmod(filepath.Join(dir, "ca.key"), 0o640) },
		"in PEM":                func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600) },
		"ca.crt":                func(dir string) error { return os.Remove(filepath.Join(dir, "ca.crt")) },
		"not of the key beside it": func(dir string) error {
			other, err := trust.Open(filepath.Join(dir, "other"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte(other.Trust().TLS), 0o644)
		},
	} {
		dir := t.TempDir()
		open(t, dir)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(filepath.Join(dir, "ca.key"))
		_, err := trust.Open(dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, "ca.key")); !bytes.Equal(before, after) {
			t.Errorf("%s: the key was written over", want)
		}
	}
}

func TestOperatorCertificate(t *testing.T) {
	a := open(t, t.TempDir())
	now := time.Date(2030, 1, 2, 3, 0, 0, 0, time.UTC)
	signer, err := a.Operator(now)
	if err != nil {
		t.Fatal(err)
	}
	cert := signer.PublicKey().(*ssh.Certificate)
	checker := ssh.CertChecker{IsUserAuthority: func(key ssh.PublicKey) bool {
		return bytes.Equal(key.Marshal(), a.PublicKey().Marshal())
	}}
	for after, ok := range map[time.Duration]bool{-5 * time.Minute: true, 11 * time.Hour: true, 13 * time.Hour: false, -time.Hour: false} {
		checker.Clock = func() time.Time { return now.Add(after) }
		if err := checker.CheckCert(spec.Principal, cert); (err == nil) != ok {
			t.Errorf("after %s: %v", after, err)
		}
	}
	checker.Clock = func() time.Time { return now }
	if checker.CheckCert("root", cert) == nil || cert.CertType != ssh.UserCert {
		t.Error("the certificate is good for more than it should be")
	}
}

func TestServerIdentity(t *testing.T) {
	a := open(t, t.TempDir())
	id, err := a.Server("seed")
	if err != nil {
		t.Fatal(err)
	}
	host, err := ssh.ParsePrivateKey(id["host_key"])
	if err != nil {
		t.Fatal(err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(id["host_key-cert.pub"])
	if err != nil {
		t.Fatal(err)
	}
	cert := public.(*ssh.Certificate)
	if !bytes.Equal(cert.Key.Marshal(), host.PublicKey().Marshal()) || cert.CertType != ssh.HostCert {
		t.Error("the host certificate is not of the host key")
	}
	checker := ssh.CertChecker{IsHostAuthority: func(key ssh.PublicKey, _ string) bool {
		return bytes.Equal(key.Marshal(), a.PublicKey().Marshal())
	}}
	if err := checker.CheckHostKey("seed:10822", nil, cert); err != nil {
		t.Error(err)
	}
	if checker.CheckHostKey("other:10822", nil, cert) == nil {
		t.Error("it is good for another server's name")
	}
}

// A PC whose clock stands in 1980 or 2106 believes the server all the same.
func TestServerTLSAtAnyTime(t *testing.T) {
	a, stranger := open(t, t.TempDir()), open(t, t.TempDir())
	id, err := a.Server("seed")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(id["tls.crt"], id["tls.key"])
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for year, ca := range map[int]*trust.Authority{1980: a, 2026: a, 2106: a, 2027: stranger} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(ca.Trust().TLS))
		served := make(chan error, 1)
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				err = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
				conn.Close()
			}
			served <- err
		}()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := tls.Client(conn, &tls.Config{
			RootCAs:    roots,
			ServerName: spec.ServerName(a.Cluster()),
			Time:       func() time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) },
		})
		if err := client.Handshake(); (err == nil) != (ca == a) {
			t.Errorf("%d: %v", year, err)
		}
		conn.Close()
		<-served
	}
}
