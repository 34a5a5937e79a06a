package nbd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/Merovius/nbd/nbdnl"
	"golang.org/x/sys/unix"
)

// Defaults of Kernel.
const (
	defaultTimeout   = 30 * time.Second
	defaultDead      = 24 * time.Hour
	defaultReadAhead = 4096
)

// Kernel is a block device /dev/nbdN of the Linux kernel whose blocks come from this process, over a socket pair. It is read-only. It
// outlives the process: when its socket closes, reads wait until Reconfigure gives it another.
//
// Linux 6.1 wants some care (drivers/block/nbd.c): it speaks simple replies only; a new socket is taken only once the old one
// has closed, and is dropped in silence before; an error reply reaches the file system at once; and reads that were
// under way when the socket closed are asked again only after Timeout.
type Kernel struct {
	// Index is N.
	Index uint32
	// Size is the number of bytes; a multiple of 4096.
	Size int64
	// Timeout is how long the kernel waits for one reply until it gives the socket up; whole seconds. Zero means 30 s.
	Timeout time.Duration
	// DeadTimeout is how long reads wait for another socket until they fail; whole seconds. Zero means a day.
	DeadTimeout time.Duration
	// ReadAheadKiB is how far the kernel reads ahead. Zero means 4096: with the kernel's own 128 a line with 2 ms delay gives
	// 18 MB/s instead of 32, while a boot from a squashfs touches hardly more: 112 chunks of 256 KiB instead of 111, in one
	// run of each.
	ReadAheadKiB int
	// Log is for what goes wrong while serving; nil is silent.
	Log *slog.Logger
}

// Path returns the path of the device: "/dev/nbd0".
func (k Kernel) Path() string { return "/dev/nbd" + strconv.FormatUint(uint64(k.Index), 10) }

// Attached reports whether the device has been attached and not disconnected, be its socket alive or not.
func (k Kernel) Attached() (bool, error) {
	status, err := nbdnl.Status(k.Index)
	if err != nil {
		return false, k.fail("ask for the state of", err)
	}
	return status.Connected, nil
}

// Attach makes the device and returns the connection over which the kernel will ask for blocks: ServeKernel must answer it.
func (k Kernel) Attach() (net.Conn, error) {
	if k.Size <= 0 || k.Size%preferBlock != 0 {
		return nil, k.fail("attach", fmt.Errorf("%d bytes are not a multiple of %d", k.Size, preferBlock))
	}
	conn, err := k.plug(func(socks []*os.File) error {
		_, err := nbdnl.Connect(k.Index, socks, uint64(k.Size), 0, nbdnl.FlagHasFlags|nbdnl.FlagReadOnly, k.options()...)
		return err
	})
	if err != nil {
		return nil, k.fail("attach", err)
	}
	if err := k.setReadAhead(); err != nil {
		return nil, errors.Join(k.fail("attach", err), conn.Close(), k.Disconnect())
	}
	return conn, nil
}

// Reconfigure gives the attached device a new connection. The old one must have been closed, or the new one is never used.
func (k Kernel) Reconfigure() (net.Conn, error) {
	conn, err := k.plug(func(socks []*os.File) error {
		return nbdnl.Reconfigure(k.Index, socks, 0, nbdnl.FlagHasFlags|nbdnl.FlagReadOnly, k.options()...)
	})
	if err != nil {
		return nil, k.fail("reconnect", err)
	}
	return conn, nil
}

// Disconnect releases the device. Nothing may be mounted from it any more: what is still read fails.
func (k Kernel) Disconnect() error {
	if err := nbdnl.Disconnect(k.Index); err != nil {
		return k.fail("disconnect", err)
	}
	return nil
}

// Serve attaches the device, or takes it over from a process that has died, and answers the kernel from d until the device is
// disconnected or ctx ends; it returns nil then. ready is called once, when the device can be read. A connection that the kernel
// gives up, because a read took longer than Timeout, is replaced. The device stays attached when ctx ends.
func (k Kernel) Serve(ctx context.Context, d Device, ready func()) error {
	if d.Size() < k.Size {
		return k.fail("serve", fmt.Errorf("it has %d bytes, its source %d", k.Size, d.Size()))
	}
	conn, err := k.open()
	if err != nil {
		return err
	}
	ready()
	for {
		err := ServeKernel(ctx, conn, d, k.Log)
		if err == nil {
			return nil
		}
		if attached, statusErr := k.Attached(); statusErr != nil || !attached {
			return statusErr
		}
		logger(k.Log).Warn("the kernel gave up the connection of its block device; it gets another", "device", k.Path(), "error", err)
		if conn, err = k.Reconfigure(); err != nil {
			return err
		}
	}
}

func (k Kernel) open() (net.Conn, error) {
	attached, err := k.Attached()
	if err != nil {
		return nil, err
	}
	if attached {
		return k.Reconfigure()
	}
	return k.Attach()
}

// ServeKernel answers the kernel's requests on a connection of Attach or Reconfigure from d, and closes it. It returns nil when
// the device was disconnected or ctx ended, io.EOF wrapped when the kernel gave the connection up. log may be nil.
func ServeKernel(ctx context.Context, conn net.Conn, d Device, log *slog.Logger) error {
	defer conn.Close()
	conn = rawConn(conn)
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	err := newSpread(d, newReader(conn), conn, replies{}, logger(log)).run(ctx)
	if ctx.Err() != nil || errors.Is(err, errGoodbye) {
		return nil
	}
	return fmt.Errorf("nbd: serve the kernel: %w", err)
}

// plug gives one end of a new socket pair to the kernel and returns the other.
func (k Kernel) plug(give func([]*os.File) error) (net.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	own, kernels := os.NewFile(uintptr(fds[0]), "nbd"), os.NewFile(uintptr(fds[1]), "nbd kernel")
	defer own.Close() // FileConn has a duplicate
	defer kernels.Close()
	conn, err := net.FileConn(own)
	if err != nil {
		return nil, err
	}
	if err := give([]*os.File{kernels}); err != nil {
		conn.Close()
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return conn, nil
}

func (k Kernel) options() []nbdnl.ConnectOption {
	timeout, dead := k.Timeout, k.DeadTimeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if dead == 0 {
		dead = defaultDead
	}
	return []nbdnl.ConnectOption{nbdnl.WithBlockSize(preferBlock), nbdnl.WithTimeout(timeout), nbdnl.WithDeadconnTimeout(dead)}
}

func (k Kernel) setReadAhead() error {
	kib := k.ReadAheadKiB
	if kib == 0 {
		kib = defaultReadAhead
	}
	path := fmt.Sprintf("/sys/block/nbd%d/queue/read_ahead_kb", k.Index)
	return os.WriteFile(path, []byte(strconv.Itoa(kib)), 0)
}

func (k Kernel) fail(what string, err error) error {
	return fmt.Errorf("nbd: %s %s: %w%s", what, k.Path(), err, hint(err))
}

// hint says what to do about the errors that a newcomer meets.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return " (root is needed)"
	case errors.Is(err, unix.EBUSY):
		return " (another program has attached it)"
	case errors.Is(err, unix.ENOENT):
		return " (is the kernel's module nbd loaded, and /sys mounted?)"
	}
	return ""
}
