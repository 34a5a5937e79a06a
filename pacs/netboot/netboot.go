// Package netboot is the unit that sends machines their system over HTTP: iPXE's script, kernel, initramfs, the cluster's bundle, and
// iPXE itself to firmware that boots by HTTP.
//
// It owns the script and the paths. Which machine may join, and as whom, is not decided here: everything that is served is public,
// the same for all machines, and checked by whoever needs it to be true.
package netboot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
	"viver/pacs/netboot/ports"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = time.Minute
	stopTimeout   = 2 * time.Second // for transfers that run when the unit ends
	maxHeader     = 4 << 10         // bytes
	maxClients    = 4096            // connected at once: a machine needs one, for some seconds
)

// Run serves until ctx ends. See Config for the unit's document.
func Run(ctx context.Context, start spec.UnitStart, emit func(spec.UnitEvent), log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c, err := parse(start.Unit.Config)
	if err != nil {
		return err
	}
	site, err := newSite(c, start)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	emit(spec.UnitEvent{Ready: &spec.UnitReadyEvent{
		Detail:   "http on " + listener.Addr().String(),
		Services: []spec.Service{{Type: spec.ServiceBoot, Port: port}},
	}})
	return serve(ctx, netutil.LimitListener(listener, maxClients), &handler{site: site, emit: emit, log: log})
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, unix.EADDRINUSE) {
		port, _ := net.LookupPort("tcp", portOf(address))
		return nil, fmt.Errorf("netboot: %s is in use by %s: stop it, or serve on another port (http_port): %w", address, ports.Holder("/proc", "tcp", port), err)
	}
	if err != nil {
		return nil, fmt.Errorf("netboot: listen on %s: %w", address, err)
	}
	return l, nil
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// serve runs the HTTP server until ctx ends.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // machines that are switched off in the middle
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("netboot: serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(stop) != nil {
		server.Close()
	}
	<-failed
	return nil
}
