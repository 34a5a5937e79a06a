package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"
)

const (
	// maxClients bounds how many are connected at once.
	maxClients = 16
	// endTime is how long requests under way have to end with the context.
	endTime = 2 * time.Second
)

// Serve answers for m at a Unix socket with this path, mode 0600, until ctx ends: then it takes the socket away and returns nil. A
// socket that a former process has left there is replaced. It returns an error if it cannot serve. Requests under way end with ctx. log
// may be nil.
func Serve(ctx context.Context, path string, m Member, log *slog.Logger) error {
	l, err := listen(ctx, path)
	if err != nil {
		return fmt.Errorf("door: %w", err)
	}
	defer os.Remove(path)
	if err := serve(ctx, l, m, cmp.Or(log, slog.New(slog.DiscardHandler))); err != nil {
		return fmt.Errorf("door: %s: %w", path, err)
	}
	return nil
}

func serve(ctx context.Context, l net.Listener, m Member, log *slog.Logger) error {
	h := &http.Server{
		Handler:           handler(m),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(ended); end(h) })
	if err := h.Serve(netutil.LimitListener(l, maxClients)); stop() {
		return errors.Join(err, h.Close())
	}
	<-ended
	return nil
}

// end gives requests under way, whose contexts have ended, time to answer.
func end(h *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if h.Shutdown(ctx) != nil {
		_ = h.Close()
	}
}

// listen makes the socket beside its place and moves it there, so that there is always one that answers once there was one.
func listen(ctx context.Context, path string) (net.Listener, error) {
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// The mode is set before the socket has a name, so that nobody else can ever open it.
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if lost := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); lost != nil {
			return lost
		}
		return err
	}}
	l, err := c.Listen(ctx, "unix", draft)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := os.Rename(draft, path); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(draft))
	}
	return l, nil
}
