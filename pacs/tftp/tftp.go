// Package tftp is the unit that sends firmware its first program. It owns TFTP (RFC 1350, options of RFC 2347 to 2349), read-only, for iPXE's
// boot programs and one folder of further files. Everything larger goes by HTTP (package netboot), which is ten times as fast.
package tftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/pin/tftp/v3"
	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
	"viver/pacs/netboot/ipxe"
	"viver/pacs/netboot/ports"
)

// Config is the document of a unit of type "tftp". Absent and null fields take their defaults.
type Config struct {
	Listen  string `json:"listen,omitempty"`   // default ":69"
	IPXEDir string `json:"ipxe_dir,omitempty"` // default ipxe.Dir
	// Extra is a folder whose files are served too, those in folders below it included; empty: none.
	Extra string `json:"extra,omitempty"`
}

const (
	// A lost packet costs timeout plus up to a second; the library's own 5 s are what a person notices.
	timeout      = 500 * time.Millisecond
	retries      = 10
	maxTransfers = 512 // at once; each holds a port and some memory
)

// Run serves until ctx ends. See Config for the unit's document.
func Run(ctx context.Context, start spec.UnitStart, emit func(spec.UnitEvent), log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := Config{Listen: ":69", IPXEDir: ipxe.Dir}
	if err := spec.Decode(start.Unit.Config, &c); err != nil {
		return fmt.Errorf("tftp: configuration: %w", err)
	}
	files, err := openFiles(c.IPXEDir, c.Extra)
	if err != nil {
		return err
	}
	defer files.close()
	conn, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	emit(spec.UnitEvent{Ready: &spec.UnitReadyEvent{Detail: "boot files on " + conn.LocalAddr().String()}})
	return serve(ctx, conn, files, log)
}

func listen(ctx context.Context, address string) (net.PacketConn, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("tftp: listen: %w", err)
	}
	network := "udp4" // all addresses: the library sends blocks of 1468 bytes over IPv4, less over IPv6
	if addr.IP != nil && addr.IP.To4() == nil {
		network = "udp6"
	}
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, network, address)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("tftp: %s is in use by %s: stop it and apply again: %w", address, ports.Holder("/proc", "udp", addr.Port), err)
	}
	if err != nil {
		return nil, fmt.Errorf("tftp: listen on %s: %w", address, err)
	}
	return conn, nil
}

// serve answers requests until ctx ends and the transfers that run have ended.
func serve(ctx context.Context, conn net.PacketConn, files *files, log *slog.Logger) error {
	places := make(chan struct{}, maxTransfers)
	server := tftp.NewServer(func(name string, to io.ReaderFrom) error {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			return send(files, name, to)
		default:
			return errors.New("busy, try again")
		}
	}, nil)
	server.SetTimeout(timeout)
	server.SetRetries(retries)
	server.SetHook(journal{log})
	var stop sync.WaitGroup
	stop.Add(1)
	end := context.AfterFunc(ctx, func() {
		defer stop.Done()
		server.Shutdown()
	})
	err := server.Serve(conn)
	if end() { // it ended by itself
		conn.Close()
		return fmt.Errorf("tftp: serve on %s: %w", conn.LocalAddr(), err)
	}
	stop.Wait()
	return nil
}

// send sends one file. The error goes to the client as it is, so it says nothing about this machine's folders.
func send(files *files, name string, to io.ReaderFrom) error {
	f, err := files.open(name)
	if err != nil {
		return errNotFound
	}
	defer f.Close()
	_, err = to.ReadFrom(f)
	return err
}

var errNotFound = errors.New("file not found")

// journal writes down how transfers ended.
type journal struct{ log *slog.Logger }

func (j journal) OnSuccess(s tftp.TransferStats) {
	j.log.Info("sent", "file", s.Filename, "to", s.RemoteAddr, "seconds", s.Duration.Seconds())
}

// OnFailure tells trouble from firmware that breaks off (ERROR 8) once it knows the size: UEFI does, before it really loads. The
// library gives the code in the text only.
func (j journal) OnFailure(s tftp.TransferStats, err error) {
	level := slog.LevelWarn
	if strings.HasPrefix(err.Error(), "sending block 0: code=") {
		level = slog.LevelInfo
	}
	j.log.Log(context.Background(), level, "not sent to the end", "file", s.Filename, "to", s.RemoteAddr, "error", err)
}
