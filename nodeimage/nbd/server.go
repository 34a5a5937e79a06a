package nbd

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

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// maxStrangers is how many clients may negotiate at once: nobody knows yet who they are. Others wait in the kernel's queue.
const maxStrangers = 256

// Server exports devices, read-only, to any number of clients.
type Server struct {
	// Exports are the devices by export name. Neither the map nor a device in it may change while the server runs.
	Exports map[string]Device
	// TLS is offered to clients that ask for it; nil: there is none. RequireTLS refuses all others: they learn nothing but that.
	TLS        *tls.Config
	RequireTLS bool
	// Log gets a line for each client that breaks off in a way it should not; nil is silent.
	Log *slog.Logger
}

// Serve accepts clients from l until ctx ends, then closes l and all connections and returns nil. It returns an error only
// when l fails for good.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	strangers := semaphore.NewWeighted(maxStrangers)
	for {
		if strangers.Acquire(ctx, 1) != nil {
			return nil
		}
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if isShortage(err) {
			strangers.Release(1)
			logger(s.Log).Warn("cannot accept a client; trying again", "error", err)
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if err != nil {
			l.Close()
			return fmt.Errorf("nbd: accept: %w", err)
		}
		clients.Go(func() {
			if err := s.serve(ctx, conn, func() { strangers.Release(1) }); err != nil && ctx.Err() == nil {
				logger(s.Log).Warn("client lost", "client", conn.RemoteAddr(), "error", err)
			}
		})
	}
}

// ServeConn serves one client and closes its connection. It returns nil when the client has said goodbye or just closed
// the connection between two requests.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	return s.serve(ctx, conn, func() {})
}

// serve calls negotiated when the client has chosen an export or failed to.
func (s *Server) serve(ctx context.Context, conn net.Conn, negotiated func()) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	n := &negotiation{exports: s.Exports, tls: s.TLS, needTLS: s.RequireTLS, conn: conn, r: newReader(conn)}
	device, err := n.timed(ctx)
	negotiated()
	if errors.Is(err, errGoodbye) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("nbd: negotiate: %w", err)
	}
	if f, ok := device.(*File); ok {
		err = newMapped(f, n.r, n.conn, n.replies).run()
	} else {
		err = newSpread(device, n.r, n.conn, n.replies, logger(s.Log)).run(ctx)
	}
	return goodbye(err)
}

// goodbye makes nothing of the two ways in which a client may leave.
func goodbye(err error) error {
	if err == nil || errors.Is(err, errGoodbye) || errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	return fmt.Errorf("nbd: transmit: %w", err)
}

// logger returns l, or one that is silent.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// isShortage reports whether err, of accepting, comes from a shortage that passes, or from a client that has already gone.
func isShortage(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
