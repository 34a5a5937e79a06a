package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"viver/nodeimage/field"
	"viver/nodeimage/nbd"
)

// maxClients bounds how many connections of each kind are taken at once; the others wait.
const maxClients = 1024

// Server lets others read from a member and hear from it. Its fields must not change while it serves.
type Server struct {
	Field *field.Field
	// TLS is this machine's identity; nil: connections are in the clear. Others than members are refused then.
	TLS Identity
	// Log gets a line for each connection that breaks off in a way it should not; nil is silent.
	Log *slog.Logger
}

// ServeBlocks answers reads of all images until ctx ends; then it closes l and all connections, and returns nil. It returns an error only
// when l fails for good.
func (s *Server) ServeBlocks(ctx context.Context, l net.Listener) error {
	return s.accept(ctx, l, func(conn net.Conn) error {
		server := nbd.Server{Exports: s.exports(), Log: s.Log}
		if s.TLS != nil {
			server.TLS, server.RequireTLS = s.TLS.Server(), true
		}
		return server.ServeConn(ctx, conn)
	})
}

// exports returns the images that there are now: a connection can ask for those that there were when it began.
func (s *Server) exports() map[string]nbd.Device {
	exports := make(map[string]nbd.Device)
	for _, i := range s.Field.Images() {
		e := export{field: s.Field, id: i.ID(), size: i.Size()}
		exports[string(e.id)] = e
		e.share = true
		exports[shareExport(e.id)] = e
	}
	return exports
}

// ServeControl tells those who connect what this member holds, until ctx ends; otherwise it is as ServeBlocks.
func (s *Server) ServeControl(ctx context.Context, l net.Listener) error {
	return s.accept(ctx, l, func(conn net.Conn) error {
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		if s.TLS == nil {
			return s.tell(conn)
		}
		return s.tell(tls.Server(conn, s.TLS.Server(protocol)))
	})
}

// accept serves each connection in a goroutine of its own.
func (s *Server) accept(ctx context.Context, l net.Listener, serve func(net.Conn) error) error {
	l = netutil.LimitListener(l, maxClients)
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil && errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("peer: accept: %w", err)
		}
		if err != nil { // a shortage, of file descriptors for example
			logger(s.Log).Warn("cannot accept a member; trying again", "error", err)
			pause(ctx, 100*time.Millisecond)
			continue
		}
		clients.Go(func() {
			if err := serve(conn); err != nil && ctx.Err() == nil {
				logger(s.Log).Warn("member lost", "member", conn.RemoteAddr(), "error", err)
			}
		})
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// tell sends what the member tells until the other end goes. Its error is that of a connection that broke off.
func (s *Server) tell(conn net.Conn) error {
	if err := write(conn, greeting(s.Field.ID())); err != nil {
		return err
	}
	gone := make(chan struct{})
	var watching sync.WaitGroup
	defer watching.Wait()
	defer conn.SetReadDeadline(time.Unix(1, 0))
	watching.Go(func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1)) // nothing is to come
	})
	teller := s.Field.Teller()
	for {
		list := teller.Next(gone)
		if list == nil {
			return nil
		}
		var b []byte
		var err error
		for _, m := range list {
			if b, err = appendFrame(b, m); err != nil {
				return err
			}
		}
		if err := write(conn, b); err != nil {
			select {
			case <-gone:
				return nil
			default:
				return fmt.Errorf("tell: %w", err)
			}
		}
	}
}

// write is bounded in time: who takes nothing is left.
func write(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := conn.Write(b)
	return err
}
