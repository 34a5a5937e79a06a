package ssh_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/providers/ssh"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

func authority(t *testing.T) *trust.Authority {
	t.Helper()
	a, err := trust.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// operator is a target at addr for an operator of a's cluster.
func operator(t *testing.T, a *trust.Authority, addr string, key ssh.HostKey) ssh.Target {
	t.Helper()
	signer, err := a.Operator(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ssh.Target{Addr: addr, User: spec.Principal, HostKey: key, Auth: []cryptossh.AuthMethod{cryptossh.PublicKeys(signer)}}
}

func pool(t *testing.T) *ssh.Pool {
	p := new(ssh.Pool)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestCall(t *testing.T) {
	a := authority(t)
	seed := sshtest.New(t, a, "seed")
	seed.Handle(spec.OpMachines, func(c *sshtest.Call) (any, error) {
		c.Send(spec.Reply{Progress: "looking"})
		return []spec.Machine{{MAC: "52:54:00:00:00:01"}}, nil
	})
	seed.Handle(spec.OpImagePut, func(c *sshtest.Call) (any, error) {
		n, err := io.Copy(io.Discard, io.LimitReader(c.Payload, 1<<20))
		return n, err
	})
	seed.Handle(spec.OpUnitPut, func(c *sshtest.Call) (any, error) { return nil, errors.New("port 67 is in use") })
	client, err := pool(t).Connect(t.Context(), operator(t, a, seed.Addr, ssh.SignedBy(a.PublicKey(), "seed")))
	if err != nil {
		t.Fatal(err)
	}
	var progress []string
	data, err := client.Call(t.Context(), spec.OpMachines, nil, nil, func(r spec.Reply) { progress = append(progress, r.Progress) })
	var machines []spec.Machine
	if err != nil || json.Unmarshal(data, &machines) != nil || len(machines) != 1 || len(progress) != 1 {
		t.Errorf("%s %v %q", data, err, progress)
	}
	payload := strings.NewReader(strings.Repeat("x", 1<<20))
	if data, err := client.Call(t.Context(), spec.OpImagePut, nil, payload, nil); err != nil || string(data) != "1048576" {
		t.Errorf("%s %v", data, err)
	}
	var no *ssh.AgentError
	if err := client.Do(t.Context(), spec.OpUnitPut, spec.UnitSpec{Name: "dhcp"}, nil); !errors.As(err, &no) || no.Text != "port 67 is in use" {
		t.Errorf("%v", err)
	}
	// It says no before the payload, larger than any window, is through.
	if _, err := client.Call(t.Context(), spec.OpUnitPut, nil, strings.NewReader(strings.Repeat("x", 8<<20)), nil); !errors.As(err, &no) {
		t.Errorf("%v", err)
	}
}

func TestWrongHostsAreRefusedAtOnce(t *testing.T) {
	a, stranger := authority(t), authority(t)
	seed := sshtest.New(t, a, "seed")
	other := sshtest.New(t, stranger, "seed")
	plain := sshtest.New(t, nil, "seed")
	for want, target := range map[string]ssh.Target{
		"not server two":           operator(t, a, seed.Addr, ssh.SignedBy(a.PublicKey(), "two")),
		"not server seed":          operator(t, a, other.Addr, ssh.SignedBy(a.PublicKey(), "seed")),
		"another host key":         operator(t, a, plain.Addr, ssh.Pinned(a.PublicKey())),
		"no host key to check":     operator(t, a, plain.Addr, ssh.HostKey{}),
		"accepts none of the keys": operator(t, stranger, seed.Addr, ssh.SignedBy(a.PublicKey(), "seed")),
		"no common algorithm":      operator(t, a, plain.Addr, ssh.SignedBy(a.PublicKey(), "seed")),
		"unable to authenticate, ": {Addr: seed.Addr, User: "root", HostKey: ssh.SignedBy(a.PublicKey(), "seed")},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := pool(t).Connect(ctx, target)
		if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, ", ")) || ctx.Err() != nil {
			t.Errorf("want an error with %q at once, got %v", want, err)
		}
		cancel()
	}
}

func TestConnectTriesAgain(t *testing.T) {
	a := authority(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	target := operator(t, a, addr, ssh.SignedBy(a.PublicKey(), "seed"))
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := pool(t).Connect(short, target); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("want why and that it gave up, got %v", err)
	}
	time.AfterFunc(300*time.Millisecond, func() { sshtest.Serve(t, a, "seed", addr) })
	if _, err := pool(t).Connect(t.Context(), target); err != nil {
		t.Error(err)
	}
}

func TestOneConnectionUntilItEnds(t *testing.T) {
	a := authority(t)
	seed := sshtest.New(t, a, "seed")
	var calls atomic.Int32
	seed.Handle(spec.OpStatus, func(*sshtest.Call) (any, error) { return spec.AgentStatus{Name: fmt.Sprint(calls.Add(1))}, nil })
	p := pool(t)
	target := operator(t, a, seed.Addr, ssh.SignedBy(a.PublicKey(), "seed"))
	connect := func() *ssh.Client {
		c, err := p.Connect(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		var status spec.AgentStatus
		if err := c.Do(t.Context(), spec.OpStatus, nil, &status); err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := connect()
	if connect() != first {
		t.Error("a second connection to one host")
	}
	seed.Drop()
	<-first.Done()
	if connect() == first {
		t.Error("it goes on with a dead connection")
	}
	p.Close()
	if _, err := p.Connect(t.Context(), target); err == nil {
		t.Error("it connects after Close")
	}
}

func TestCancelEndsACall(t *testing.T) {
	a := authority(t)
	seed := sshtest.New(t, a, "seed")
	entered := make(chan struct{})
	seed.Handle(spec.OpMachineWatch, func(c *sshtest.Call) (any, error) {
		close(entered)
		<-c.Gone
		return nil, nil
	})
	client, err := pool(t).Connect(t.Context(), operator(t, a, seed.Addr, ssh.SignedBy(a.PublicKey(), "seed")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if _, err := client.Call(ctx, spec.OpMachineWatch, nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestLogin(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	plain := sshtest.New(t, nil, "seed")
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	block, err := cryptossh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(home, "id")
	if err := os.WriteFile(identity, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(plain.Addr)
	number, _ := strconv.Atoi(port)
	login := ssh.Login{Host: host, Port: number, User: "root", IdentityFile: identity}
	try := func() error {
		target, err := login.Target()
		if err != nil {
			return err
		}
		client, err := pool(t).Connect(t.Context(), target)
		if err != nil {
			return err
		}
		out, err := client.Run(t.Context(), "cat", strings.NewReader("to cat"))
		if err == nil && string(out) != "ran cat: to cat" {
			t.Errorf("%q", out)
		}
		var exit *ssh.ExitError
		if _, err := client.Run(t.Context(), "fail", nil); !errors.As(err, &exit) || exit.Status != 3 || exit.Stderr != "no such thing" {
			t.Errorf("%v", err)
		}
		return err
	}
	// Unknown: the error has the line to add; with it, it works.
	err = try()
	_, line, found := strings.Cut(fmt.Sprint(err), "known_hosts:\n")
	if !found {
		t.Fatalf("the error does not tell the line to add: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(home, ".ssh", "known_hosts")
	if err := os.WriteFile(known, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := try(); err != nil {
		t.Error(err)
	}
	// Another key than the known one.
	other := sshtest.New(t, nil, "seed")
	wrong := strings.Replace(line, strings.Fields(line)[2], strings.Fields(string(cryptossh.MarshalAuthorizedKey(other.HostKey)))[1], 1)
	if err := os.WriteFile(known, []byte(wrong+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := try(); err == nil || !strings.Contains(err.Error(), "another host key") {
		t.Error(err)
	}
	// A key in the configuration needs no known_hosts.
	login.HostKey = string(cryptossh.MarshalAuthorizedKey(plain.HostKey))
	if err := try(); err != nil {
		t.Error(err)
	}
	login.IdentityFile = filepath.Join(home, "none")
	if err := try(); err == nil || !strings.Contains(err.Error(), "identity_file") {
		t.Error(err)
	}
}
