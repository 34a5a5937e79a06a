package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Between init and the disk's process is a socket pair. Each line of it is a word, and perhaps a text behind it:
//
//	disk -> init   trouble TEXT   the root disk cannot be attached at present, and why
//	disk -> init   attached       it is attached
//	init -> disk   root           the root is mounted
//
// When the channel ends, the kernel closed it because init was replaced by the distribution's own.
const (
	wordTrouble  = "trouble"
	wordAttached = "attached"
	wordRoot     = "root"
)

// ChannelFD is the number of the channel's file descriptor in the supervisor and in the disk's process.
const ChannelFD = 3

// maxText bounds the text of a line, in bytes.
const maxText = 500

// Channel is one end. Its methods may be called by one reader and one writer at the same time.
type Channel struct {
	conn  net.Conn
	lines *bufio.Reader
}

// NewChannel returns init's end of a new channel, and the other one as a file to be inherited.
func NewChannel() (*Channel, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("channel to the disk's process: %w", err)
	}
	own, other := os.NewFile(uintptr(fds[0]), "channel"), os.NewFile(uintptr(fds[1]), "channel")
	c, err := OpenChannel(own)
	if err != nil {
		other.Close()
		return nil, nil, err
	}
	return c, other, nil
}

// OpenChannel makes a channel of an inherited file, and closes the file.
func OpenChannel(f *os.File) (*Channel, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("channel between init and the disk's process: %w", err)
	}
	return &Channel{conn: conn, lines: bufio.NewReaderSize(conn, 2*maxText)}, nil
}

// Trouble tells init why the root disk is not attached yet. Errors of the channel do not matter: init may be gone already.
func (c *Channel) Trouble(reason string) {
	reason = strings.ReplaceAll(reason, "\n", "; ")
	fmt.Fprintf(c.conn, "%s %s\n", wordTrouble, reason[:min(len(reason), maxText)])
}

// Attached tells init that the root disk can be read.
func (c *Channel) Attached() { fmt.Fprintln(c.conn, wordAttached) }

// RootMounted tells the disk's process that the root is mounted.
func (c *Channel) RootMounted() { fmt.Fprintln(c.conn, wordRoot) }

// WaitAttached blocks until the root disk is attached, and calls trouble with each reason why it is not.
func (c *Channel) WaitAttached(trouble func(reason string)) error {
	for {
		word, text, err := c.next()
		switch {
		case err != nil:
			return fmt.Errorf("wait for the root disk to be attached: %w", err)
		case word == wordAttached:
			return nil
		case word == wordTrouble:
			trouble(text)
		}
	}
}

// WaitHandover calls root when the root is mounted, and returns when the distribution's init has taken over.
func (c *Channel) WaitHandover(root func()) {
	for {
		word, _, err := c.next()
		if err != nil {
			return
		}
		if word == wordRoot {
			root()
		}
	}
}

// next reads a line.
func (c *Channel) next() (word, text string, err error) {
	line, err := c.lines.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		return "", "", fmt.Errorf("the channel ended: %w", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", "", err
	}
	word, text, _ = strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
	return word, text, nil
}

// Close closes this end.
func (c *Channel) Close() error { return c.conn.Close() }
