// Package sshd is the agent's SSH server (RFC 4251 to 4254): shells and commands in the machine's root, and subsystems.
//
// It owns who may come in (holders of a user certificate of the cluster's authority, and nobody else), sessions with their
// terminals and processes, and the limits of a connection. What a subsystem says is its own matter. It has no port forwarding,
// no agent forwarding and no passwords.
package sshd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
)

const (
	// maxConnections and maxSessions bound what clients that have proved themselves have open at once: in all, and on each connection.
	maxConnections = 128
	maxSessions    = 64
	// loginTime is how long a client may take to prove itself.
	loginTime = 30 * time.Second
	// keepAlive is the time between questions whether the client is still there, and how long it may take to answer.
	keepAlive = 15 * time.Second
)

// Subsystem serves one channel of a subsystem. ctx ends with the channel or the server. The channel is closed when it returns,
// with exit status 0 for nil.
type Subsystem func(ctx context.Context, channel io.ReadWriter) error

// Server serves SSH. HostKey and Authority must be set; a Server may serve once.
type Server struct {
	HostKey   ssh.Signer    // with a certificate or without
	Authority ssh.PublicKey // signs user certificates; their principal is spec.Principal
	// Root is the folder that sessions see as /; empty: the agent's own.
	Root       string
	Subsystems map[string]Subsystem
	// Started is called with the process ID of each session's process; nil: nobody is told.
	Started func(pid int)
	Log     *slog.Logger

	door  door
	slots chan struct{} // one for each client that has proved itself
}

// Serve accepts connections until ctx ends, then closes listener and connections, ends the sessions and waits for them. It returns
// nil then, and an error when the listener fails before.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	s.Log = cmp.Or(s.Log, slog.New(slog.DiscardHandler))
	config := s.config()
	ctx, cancel := context.WithCancel(ctx)
	var open sync.WaitGroup
	defer open.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	s.slots = make(chan struct{}, maxConnections)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("sshd: accept: %w", err)
		}
		if err != nil { // too many open files, a connection that is gone already
			s.Log.Warn("an SSH connection was not accepted", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		g := s.door.enter(conn)
		open.Go(func() { s.connection(ctx, g, config) })
	}
}

func (s *Server) config() *ssh.ServerConfig {
	c := &ssh.ServerConfig{PublicKeyCallback: s.admit, MaxAuthTries: 6, ServerVersion: "SSH-2.0-viver"}
	c.AddHostKey(s.HostKey)
	return c
}

// admit lets in who has a certificate of the cluster's authority for spec.Principal that is valid now, as root or under that name:
// all of them act with the rights of root.
func (s *Server) admit(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if meta.User() != "root" && meta.User() != spec.Principal {
		return nil, fmt.Errorf("sshd: there is no user %.40q: log in as root", meta.User())
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok || cert.CertType != ssh.UserCert || string(cert.SignatureKey.Marshal()) != string(s.Authority.Marshal()) {
		return nil, errors.New("sshd: not a user certificate of this cluster's authority")
	}
	if len(cert.ValidPrincipals) == 0 { // the library takes it for everybody
		return nil, errors.New("sshd: the certificate names no principal")
	}
	checker := ssh.CertChecker{SupportedCriticalOptions: []string{"source-address"}} // checked by ssh itself, in Permissions
	if err := checker.CheckCert(spec.Principal, cert); err != nil {
		return nil, err
	}
	return &cert.Permissions, nil
}

// connection serves one client until it goes, stays silent, or ctx ends.
func (s *Server) connection(ctx context.Context, g *guest, config *ssh.ServerConfig) {
	raw := g.conn
	defer raw.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	_ = raw.SetDeadline(time.Now().Add(loginTime)) // fails with the connection, which then says so
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	stayed := s.door.leave(g)
	if err != nil {
		s.Log.Info("an SSH client was not let in", "from", raw.RemoteAddr(), "error", err, "made_room", !stayed)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.Log.Warn("an SSH connection was refused: too many are open", "from", raw.RemoteAddr())
		return
	}
	_ = raw.SetDeadline(time.Time{})
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	parts.Go(func() { ssh.DiscardRequests(requests) })
	parts.Go(func() { watch(ctx, conn, raw) })
	slots := make(chan struct{}, maxSessions)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "viver serves sessions only")
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			_ = c.Reject(ssh.ResourceShortage, "too many sessions on this connection")
			continue
		}
		parts.Go(func() {
			defer func() { <-slots }()
			s.session(ctx, c)
		})
	}
}

// watch asks the client now and then whether it is there, and closes the connection when it no longer answers.
func watch(ctx context.Context, conn ssh.Conn, raw net.Conn) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		late := time.AfterFunc(keepAlive, func() { raw.Close() })
		_, _, err := conn.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}
