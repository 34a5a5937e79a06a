package nbd_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/nbd"
)

// authority signs certificates for both ends, with the names that libnbd and nbdkit look for.
type authority struct {
	dir  string // the files that libnbd and nbdkit read
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, "ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	for _, who := range []string{"server", "client"} {
		a.sign(t, who, &x509.Certificate{
			DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		})
	}
	return a
}

// sign leaves NAME-cert.pem and NAME-key.pem in a.dir.
func (a *authority) sign(t testing.TB, name string, template *x509.Certificate) (*x509.Certificate, ed25519.PrivateKey) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(nil, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+"-cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.write(t, name+"-key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return cert, key
}

func (a *authority) write(t testing.TB, name string, block *pem.Block) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
}

// config is that of either end, "server" or "client", which wants the other to be of the same authority.
func (a *authority) config(t testing.TB, who string) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(a.dir, who+"-cert.pem"), filepath.Join(a.dir, who+"-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ServerName: "localhost",
		RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func TestReadsUnderTLS(t *testing.T) {
	ca, data := newAuthority(t), content(5<<20)
	address := serveAs(t, nbd.Server{
		Exports: map[string]nbd.Device{"mapped": mapped(t, data), "spread": healthy{slow{data}}}, TLS: ca.config(t, "server"), RequireTLS: true,
	})
	for _, export := range []string{"mapped", "spread"} {
		c, err := nbd.DialTLS(t.Context(), address, export, ca.config(t, "client"))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(data))
		if err := c.ReadAt(t.Context(), got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %v", export, err)
		}
		c.Close()
	}
}

func TestTLSIsMutual(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	exports := map[string]nbd.Device{"x": slow{content(8192)}}
	strict := serveAs(t, nbd.Server{Exports: exports, TLS: ca.config(t, "server"), RequireTLS: true})
	nameless := ca.config(t, "client")
	nameless.Certificates = nil
	for want, c := range map[string]struct {
		address string
		config  *tls.Config
	}{
		"the server wants TLS":   {strict, nil},
		"unknown authority":      {strict, other.config(t, "client")},
		"certificate required":   {strict, nameless},
		"the server has no TLS":  {serve(t, exports), ca.config(t, "client")},
		"unknown certificate au": {strict, strangerWithRoot(t, other, ca)},
	} {
		if c, err := nbd.DialTLS(t.Context(), c.address, "x", c.config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
			if err == nil {
				c.Close()
			}
		}
	}
	offering := serveAs(t, nbd.Server{Exports: exports, TLS: ca.config(t, "server")})
	dial(t, offering, "x") // in the clear
}

// strangerWithRoot has a certificate of one authority and trusts the other.
func strangerWithRoot(t *testing.T, of, trusted *authority) *tls.Config {
	config := trusted.config(t, "client")
	stranger := of.config(t, "client").Certificates
	// crypto/tls would not show a certificate of an authority that the server does not name.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger[0], nil }
	return config
}

// Whoever has not shown who he is learns nothing, and nothing that he says is kept.
func TestServerSaysNothingWithoutTLS(t *testing.T) {
	ca := newAuthority(t)
	address := serveAs(t, nbd.Server{Exports: map[string]nbd.Device{"x": slow{content(8192)}}, TLS: ca.config(t, "server"), RequireTLS: true})
	const text = "this server wants TLS"
	r := dialRaw(t, address)
	r.say(uint32(3))
	for _, id := range []uint32{3, 6, 7, 8, 9, 10, 99} { // LIST, INFO, GO, STRUCTURED_REPLY, meta contexts, unknown
		r.say("IHAVEOPT", id, uint32(60000), make([]byte, 60000))
		r.expect(optionReply, id, uint32(5|1<<31), uint32(len(text)), text)
	}
	r.say("IHAVEOPT", uint32(5), uint32(1), "x") // STARTTLS with a payload
	r.expect(optionReply, uint32(5), uint32(3|1<<31))
	for name, say := range map[string][]any{
		"EXPORT_NAME":      {uint32(3), "IHAVEOPT", uint32(1), uint32(1), "x"},
		"a payload of 4 G": {uint32(3), "IHAVEOPT", uint32(7), uint32(1<<32 - 1)},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, address)
			r.say(say...)
			r.expectEnd()
		})
	}
	r = dialRaw(t, address)
	r.say(uint32(3), "IHAVEOPT", uint32(2), uint32(0)) // ABORT
	r.expect(optionReply, uint32(2), uint32(1), uint32(0))
	r.expectEnd()
}

// What is said in the clear after STARTTLS must not be taken for what the client says under TLS (the flaw of CVE-2021-3716).
func TestInjectedBytesEndTheConnection(t *testing.T) {
	ca := newAuthority(t)
	server := nbd.Server{Exports: map[string]nbd.Device{"x": slow{content(8192)}}, TLS: ca.config(t, "server")}
	said := wire(uint32(3), "IHAVEOPT", uint32(5), uint32(0), "IHAVEOPT", uint32(7), uint32(7), uint32(1), "x", uint16(0))
	if err := server.ServeConn(t.Context(), tape{bytes.NewReader(said)}); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("the server: %v", err)
	}
	said = wire("NBDMAGICIHAVEOPT", uint16(3), optionReply, uint32(5), uint32(1), uint32(0), optionReply, uint32(7), uint32(1), uint32(0))
	if _, err := nbd.NewClientTLS(t.Context(), tape{bytes.NewReader(said)}, "x", ca.config(t, "client")); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("the client: %v", err)
	}
}

// What was agreed on before TLS could have been said by anybody.
func TestTLSBeginsAnew(t *testing.T) {
	ca := newAuthority(t)
	address := serveAs(t, nbd.Server{Exports: map[string]nbd.Device{"x": slow{content(8192)}}, TLS: ca.config(t, "server")})
	r := dialRaw(t, address)
	r.say(uint32(3), "IHAVEOPT", uint32(8), uint32(0)) // STRUCTURED_REPLY
	r.expect(optionReply, uint32(8), uint32(1), uint32(0))
	r.say("IHAVEOPT", uint32(5), uint32(0)) // STARTTLS
	r.expect(optionReply, uint32(5), uint32(1), uint32(0))
	encrypted := tls.Client(r.conn, ca.config(t, "client"))
	r = raw{t, encrypted}
	r.goTo("x")
	r.expect(optionReply, uint32(7), uint32(3), uint32(12), uint16(0), uint64(8192), uint16(1|2|1<<8)) // without SEND_DF
	if _, err := io.ReadFull(encrypted, make([]byte, 20+14+20)); err != nil {
		t.Fatal(err)
	}
	r.say(request, uint16(0), uint16(0), "cookie 1", uint64(4096), uint32(3))
	r.expect(reply, uint32(0), "cookie 1", content(8192)[4096:4099])
}
