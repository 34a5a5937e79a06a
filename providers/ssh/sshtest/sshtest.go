// Package sshtest is an SSH server for tests: an agent that answers requests as a test says, or, without a cluster, a
// machine with an sshd. It listens on loopback and ends with the test.
package sshtest

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
	"viver/providers/trust"
)

// Server is the server. Its methods are safe for concurrent use.
type Server struct {
	Addr    string
	HostKey ssh.PublicKey // the plain one, to be pinned

	t        testing.TB
	config   *ssh.ServerConfig
	listener net.Listener
	all      sync.WaitGroup

	mu       sync.Mutex // guards what follows
	handlers map[spec.Op]func(*Call) (any, error)
	asked    []spec.Request
	conns    map[net.Conn]bool
	closed   bool
}

// Call is one request.
type Call struct {
	Args    json.RawMessage
	Payload io.Reader
	Gone    <-chan struct{} // closed when the client has closed the channel

	channel io.Writer
}

// Send writes a reply before the last one.
func (c *Call) Send(r spec.Reply) {
	line, err := json.Marshal(r)
	if err == nil {
		_, _ = c.channel.Write(append(line, '\n'))
	}
}

// Event sends v as an event.
func (c *Call) Event(v any) {
	data, err := json.Marshal(v)
	if err == nil {
		c.Send(spec.Reply{Event: data})
	}
}

// New starts a server on a free port. With an authority it has a host certificate for name and lets operators of the cluster in; without
// one it has a plain key and lets everybody in.
func New(t testing.TB, a *trust.Authority, name string) *Server {
	return Serve(t, a, name, "127.0.0.1:0")
}

// Serve is New on a given address.
func Serve(t testing.TB, a *trust.Authority, name, addr string) *Server {
	s := &Server{t: t, handlers: map[spec.Op]func(*Call) (any, error){}, conns: map[net.Conn]bool{}}
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	if err := s.identify(a, name); err != nil {
		t.Errorf("sshtest: %v", err)
		return s
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Errorf("sshtest: %v", err)
		return s
	}
	s.listener, s.Addr = listener, listener.Addr().String()
	s.all.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

func (s *Server) identify(a *trust.Authority, name string) error {
	if a == nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return err
		}
		s.HostKey = signer.PublicKey()
		s.config.AddHostKey(signer)
		return nil
	}
	id, err := a.Server(name)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(id["host_key"])
	if err != nil {
		return err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(id["host_key-cert.pub"])
	if err != nil {
		return err
	}
	cert, err := ssh.NewCertSigner(public.(*ssh.Certificate), signer)
	if err != nil {
		return err
	}
	s.HostKey = signer.PublicKey()
	s.config.AddHostKey(cert)
	s.config.AddHostKey(signer)
	checker := &ssh.CertChecker{IsUserAuthority: func(key ssh.PublicKey) bool {
		return bytes.Equal(key.Marshal(), a.PublicKey().Marshal())
	}}
	s.config.PublicKeyCallback = checker.Authenticate
	return nil
}

// Handle answers op from now on.
func (s *Server) Handle(op spec.Op, answer func(*Call) (any, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[op] = answer
}

// Asked returns all requests so far.
func (s *Server) Asked() []spec.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]spec.Request(nil), s.asked...)
}

// Drop cuts all connections.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// Close ends the server and waits for all that it began.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.listener.Close()
	s.Drop()
	s.all.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			conn.Close()
		}
		s.conns[conn] = true
		s.mu.Unlock()
		s.all.Go(func() { s.serve(conn) })
	}
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	c, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	defer c.Close()
	s.all.Go(func() { ssh.DiscardRequests(requests) })
	for ch := range channels {
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		s.all.Go(func() { s.session(channel, requests) })
	}
}

func (s *Server) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	gone := make(chan struct{})
	defer func() { <-gone }()
	defer channel.Close()
	started := make(chan *ssh.Request, 1)
	s.all.Go(func() {
		defer close(gone)
		for r := range requests {
			_ = r.Reply(r.Type == "subsystem" || r.Type == "exec", nil)
			select {
			case started <- r:
			default:
			}
		}
	})
	select {
	case <-gone:
	case r := <-started:
		var word struct{ Text string }
		if ssh.Unmarshal(r.Payload, &word) != nil {
			return
		}
		if r.Type == "exec" {
			execute(channel, word.Text)
		} else {
			s.answer(channel, gone)
		}
	}
}

// execute plays a command: it says what it was and repeats its input, or fails.
func execute(channel ssh.Channel, command string) {
	status := uint32(0)
	if command == "fail" {
		status = 3
		_, _ = channel.Stderr().Write([]byte("no such thing\n"))
	} else {
		_, _ = fmt.Fprintf(channel, "ran %s: ", command)
		_, _ = io.Copy(channel, channel)
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
}

func (s *Server) answer(channel ssh.Channel, gone <-chan struct{}) {
	in := bufio.NewReader(channel)
	line, err := in.ReadBytes('\n')
	var r spec.Request
	if err != nil || spec.Decode(line, &r) != nil {
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, r)
	handle := s.handlers[r.Op]
	s.mu.Unlock()
	call := &Call{Args: r.Args, Payload: in, Gone: gone, channel: channel}
	if handle == nil {
		call.Send(spec.Reply{Error: fmt.Sprintf("this test's agent cannot do %s", r.Op)})
		return
	}
	result, err := handle(call)
	if err != nil {
		call.Send(spec.Reply{Error: err.Error()})
		return
	}
	data, err := json.Marshal(result)
	if err != nil {
		s.t.Errorf("sshtest: %s: %v", r.Op, err)
		return
	}
	call.Send(spec.Reply{Result: data})
}
