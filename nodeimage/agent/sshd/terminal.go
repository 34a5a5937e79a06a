package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal as pty-req (RFC 4254 section 6.2) asks. It is one of the server's root: each devpts mount
// is a world of its own, and programs look their terminal up in theirs.
func (se *session) openTerminal(payload []byte) error {
	var want struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if err := ssh.Unmarshal(payload, &want); err != nil {
		return err
	}
	if se.terminal != nil {
		return errors.New("the session has a terminal already")
	}
	master, peer, err := openPair(filepath.Join("/", se.server.Root, "dev/ptmx"))
	if err != nil {
		se.server.Log.Warn("a session gets no terminal", "error", err)
		return err
	}
	se.terminal, se.peer = master, peer
	se.env["TERM"] = want.Term
	return resize(master, want.Columns, want.Rows)
}

// openPair opens both ends of a new pseudo-terminal of the devpts beside ptmx (ptmx(4), pts(4)).
func openPair(ptmx string) (master, peer *os.File, err error) {
	fd, err := unix.Open(ptmx, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", ptmx, err)
	}
	master = os.NewFile(uintptr(fd), ptmx) // not blocking: deadlines end a Read
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) // unlock
	}
	if err == nil {
		name := filepath.Join(filepath.Dir(ptmx), "pts", strconv.FormatUint(uint64(number), 10))
		peer, err = os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open a terminal of %s: %w", ptmx, err), master.Close())
	}
	return master, peer, nil
}

func resize(master *os.File, columns, rows uint32) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	size := &unix.Winsize{Col: uint16(min(columns, 1<<15)), Row: uint16(min(rows, 1<<15))}
	controlErr := raw.Control(func(fd uintptr) { err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	return errors.Join(err, controlErr)
}

// runInTerminal runs cmd in the session's terminal.
func (se *session) runInTerminal(ctx context.Context, cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = se.peer, se.peer, se.peer
	cmd.SysProcAttr.Setctty = true // of descriptor 0
	err := cmd.Start()
	se.peer.Close()
	se.peer = nil
	if err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	se.parts.Go(func() { _, _ = io.Copy(se.terminal, se.channel) }) // ends with the channel
	var output sync.WaitGroup
	output.Go(func() { _, _ = io.Copy(se.channel, se.terminal) }) // ends with EIO when nobody has the other end any more
	release := se.endWith(ctx, cmd, func() {})
	err = cmd.Wait()
	release()
	_ = se.terminal.SetReadDeadline(time.Now().Add(drainTime)) // should somebody still have it
	output.Wait()
	return err
}

func (se *session) closeTerminal() {
	if se.peer != nil {
		se.peer.Close()
	}
	if se.terminal != nil {
		se.terminal.Close()
	}
}
