package agent

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

const unitMark = "VIVER_TEST_UNIT"

func TestMain(m *testing.M) {
	if os.Getenv(unitMark) != "" {
		runUnit()
	}
	os.Exit(m.Run())
}

// runUnit is a unit whose configuration is the error that it ends with, or "": it is ready until SIGTERM. It sees one machine.
func runUnit() {
	var start spec.UnitStart
	var failure string
	data, _ := io.ReadAll(os.Stdin)
	if err := errors.Join(spec.Decode(data, &start), spec.Decode(start.Unit.Config, &failure)); err != nil {
		failure = err.Error()
	}
	if failure != "" {
		fmt.Fprintln(os.Stderr, failure)
		os.Exit(1)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	events := json.NewEncoder(os.NewFile(3, "events"))
	_ = events.Encode(spec.UnitEvent{Machine: &spec.MachineEvent{MAC: testMAC, Stage: spec.StageFirmware, Firmware: "bios"}})
	_ = events.Encode(spec.UnitEvent{Ready: &spec.UnitReadyEvent{Detail: "images in " + start.ImageDir}})
	<-ended
	os.Exit(0)
}

func unitProcess() *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), unitMark+"=1")
	return cmd
}

func nowhere() ([]net.Interface, error) { return nil, nil }

const (
	testMAC    = "52:54:00:12:34:56"
	testBootID = "2c1f8b3e-0000-4000-8000-000000000001"
)

// authority is a cluster's, as the operator's side makes it.
type authority struct {
	ssh  ssh.Signer
	key  ed25519.PrivateKey
	cert *x509.Certificate
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(randomBytes(32)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newAuthority() *authority {
	a := &authority{key: newKey()}
	a.ssh = must(ssh.NewSignerFromKey(a.key))
	a.cert = a.certify(&x509.Certificate{IsCA: true, BasicConstraintsValid: true}, nil, a.key)
	return a
}

func (a *authority) certify(template, parent *x509.Certificate, key ed25519.PrivateKey) *x509.Certificate {
	if parent == nil {
		parent = template
	}
	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key))))
}

func (a *authority) cluster() string {
	sum := sha256.Sum256(a.key.Public().(ed25519.PublicKey))
	return hex.EncodeToString(sum[:8])
}

func (a *authority) trust() spec.Trust {
	return spec.Trust{SSH: authorizedKey(a.ssh.PublicKey()), TLS: certPEM(a.cert)}
}

func authorizedKey(k ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

func certPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// sshCertificate returns a new key with a certificate of this kind.
func (a *authority) sshCertificate(kind uint32, principal string) (ed25519.PrivateKey, *ssh.Certificate) {
	key := newKey()
	cert := &ssh.Certificate{
		CertType: kind, Key: must(ssh.NewPublicKey(key.Public())), ValidPrincipals: []string{principal}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, a.ssh); err != nil {
		panic(err)
	}
	return key, cert
}

// identify writes the identity of the server "seed" into a data folder.
func (a *authority) identify(t *testing.T, dir string) {
	t.Helper()
	hostKey, hostCert := a.sshCertificate(ssh.HostCert, "seed")
	tlsKey := newKey()
	tlsCert := a.certify(&x509.Certificate{
		DNSNames: []string{spec.ServerName(a.cluster())}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, tlsKey)
	if err := os.MkdirAll(filepath.Join(dir, spec.IdentityDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"host_key":          pem.EncodeToMemory(must(ssh.MarshalPrivateKey(hostKey, ""))),
		"host_key-cert.pub": ssh.MarshalAuthorizedKey(hostCert),
		"tls.crt":           []byte(certPEM(tlsCert)),
		"tls.key":           pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(tlsKey))}),
		spec.IdentityFile:   must(json.Marshal(spec.Identity{Cluster: a.cluster(), Name: "seed", Trust: a.trust()})),
	} {
		if err := os.WriteFile(filepath.Join(dir, spec.IdentityDir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.letSignPassports(t, dir)
}

// letSignPassports adds to the identity in a data folder what servers of an earlier version do not have.
func (a *authority) letSignPassports(t *testing.T, dir string) {
	t.Helper()
	root := a.certify(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1}, nil, a.key)
	key := newKey()
	cert := a.certify(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true}, root, key)
	for name, data := range map[string][]byte{
		"passport.crt": []byte(certPEM(cert) + certPEM(root)),
		"passport.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}),
		"gossip.key":   randomBytes(passport.GossipKeySize),
	} {
		if err := os.WriteFile(filepath.Join(dir, spec.IdentityDir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeSteps answers "changed", or "failed" for the type "fail".
type fakeSteps struct {
	mu    sync.Mutex // guards the rest
	modes []string
	each  []string // "MODE:ID"
}

func (f *fakeSteps) Run(ctx context.Context, mode string, steps []spec.Step, emit func(spec.StepResult)) error {
	f.mu.Lock()
	f.modes = append(f.modes, mode)
	for _, s := range steps {
		f.each = append(f.each, mode+":"+s.ID)
	}
	f.mu.Unlock()
	for _, s := range steps {
		if s.Type == "block" {
			<-ctx.Done()
			return ctx.Err()
		}
		r := spec.StepResult{ID: s.ID, Status: spec.StepChanged}
		switch s.Type {
		case "fail":
			r.Status = spec.StepFailed
		case "print":
			r.Output = strings.Repeat("é", maxOutput)
		case "secret":
			r.Output, r.Secret = "s3cret", true
		}
		emit(r)
	}
	return nil
}

func (f *fakeSteps) ran() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.each)
}

func (f *fakeSteps) runs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.modes)
}

// world is a server that runs, and its operator.
type world struct {
	*authority
	dir      string
	ssh      string // address
	joinAddr string
	steps    *fakeSteps
	stop     func() error // ends the server and waits for it
	ended    chan error
	operator *ssh.Client
}

// listenLocal listens on a free port of the loopback.
func listenLocal(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{authority: newAuthority(), dir: t.TempDir(), joinAddr: "127.0.0.1:0"}
	w.identify(t, w.dir)
	w.start(t)
	return w
}

// start runs a server on the world's folder, at the address where one was before.
func (w *world) start(t *testing.T) {
	t.Helper()
	w.steps = new(fakeSteps)
	c := ServerConfig{
		Dir: w.dir, Version: "test", Steps: w.steps, Unit: unitProcess, Interfaces: nowhere,
		SSH: listenLocal(t, "127.0.0.1:0"), Join: listenLocal(t, w.joinAddr),
	}
	w.ssh, w.joinAddr = c.SSH.Addr().String(), c.Join.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- RunServer(ctx, c) }()
	w.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	w.ended = ended
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Error(err)
		}
	})
	w.operator = w.dial(t, w.ssh)
}

// dial connects as the operator.
func (a *authority) dial(t *testing.T, addr string) *ssh.Client {
	t.Helper()
	key, cert := a.sshCertificate(ssh.UserCert, spec.Principal)
	signer := must(ssh.NewCertSigner(cert, must(ssh.NewSignerFromKey(key))))
	client, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// channel is one request under way.
type channel struct {
	*ssh.Session
	in    io.Writer
	lines *bufio.Scanner
}

func begin(t *testing.T, client *ssh.Client, line string) channel {
	t.Helper()
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	in, out := must(s.StdinPipe()), must(s.StdoutPipe())
	if err := s.RequestSubsystem(spec.Subsystem); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	return channel{s, in, lines}
}

// next returns the next line of the answer.
func (c channel) next(t *testing.T) spec.Reply {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the answer ended: %v", c.lines.Err())
	}
	var r spec.Reply
	if err := spec.Decode(c.lines.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// request encodes a request's line.
func request(op spec.Op, args any) string {
	r := spec.Request{Op: op}
	if args != nil {
		r.Args = must(json.Marshal(args))
	}
	return string(must(json.Marshal(r)))
}

// ask sends a request, decodes the result into result (nil: dropped) and returns the events before it.
func ask(t *testing.T, client *ssh.Client, op spec.Op, args, result any, payload ...[]byte) (events []json.RawMessage, err error) {
	t.Helper()
	c := begin(t, client, request(op, args))
	for _, p := range payload {
		if _, err := c.in.Write(p); err != nil {
			break // refused before it was read: the answer says why
		}
	}
	for {
		switch r := c.next(t); {
		case r.Event != nil:
			events = append(events, r.Event)
		case r.Error != "":
			return events, errors.New(r.Error)
		case r.Result != nil && result != nil:
			return events, spec.Decode(r.Result, result)
		case r.Result != nil:
			return events, nil
		}
	}
}

// refused checks that an operation fails with a text.
func refused(t *testing.T, client *ssh.Client, op spec.Op, args any, want string, payload ...[]byte) {
	t.Helper()
	if _, err := ask(t, client, op, args, nil, payload...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: want an error with %q, got %v", op, want, err)
	}
}

func decode[T any](t *testing.T, data json.RawMessage) (v T) {
	t.Helper()
	if err := spec.Decode(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
