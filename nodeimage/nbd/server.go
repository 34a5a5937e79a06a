package nbd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// negotiationTime is how long a client may take until it reads its first block.
const negotiationTime = 30 * time.Second

// Server exports devices, read-only, to any number of clients.
type Server struct {
	// Exports are the devices by export name. Neither the map nor a device in it may change while the server runs.
	Exports map[string]Device
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
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if isShortage(err) {
			logger(s.Log).Warn("cannot accept a client; trying again", "error", err)
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if err != nil {
			l.Close()
			return fmt.Errorf("nbd: accept: %w", err)
		}
		clients.Go(func() {
			if err := s.ServeConn(ctx, conn); err != nil && ctx.Err() == nil {
				logger(s.Log).Warn("client lost", "client", conn.RemoteAddr(), "error", err)
			}
		})
	}
}

// ServeConn serves one client and closes its connection. It returns nil when the client has said goodbye or just closed
// the connection between two requests.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(negotiationTime)); err != nil {
		return fmt.Errorf("nbd: %w", err)
	}
	n := &negotiation{exports: s.Exports, r: newReader(conn), w: conn}
	device, err := n.run()
	if errors.Is(err, errGoodbye) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("nbd: negotiate: %w", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("nbd: %w", err)
	}
	if f, ok := device.(*File); ok {
		err = newMapped(f.data, n.r, conn).run()
	} else {
		err = newSpread(device, n.r, conn, logger(s.Log)).run(ctx)
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
