package nbd

import (
	"bufio"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Bounds of one answer. More in one system call saves nothing any more, and lets the client wait for the first byte.
const (
	batchRequests = 32
	batchBytes    = 4 << 20
)

// mapped serves one client from memory. All belongs to the goroutine in run.
type mapped struct {
	file    *File
	in      requests
	replies replies
	conn    net.Conn
	headers [batchRequests][headerSize]byte
	parts   [2 * batchRequests][]byte
	out     net.Buffers // of parts: what is to be sent
	count   int         // requests answered in out
	bytes   int         // data in out
}

func newMapped(file *File, r *bufio.Reader, conn net.Conn, form replies) *mapped {
	return &mapped{file: file, in: requests{r: r}, replies: form, conn: conn}
}

// run answers requests until the client goes.
func (m *mapped) run() error {
	for {
		m.out, m.count, m.bytes = m.parts[:0], 0, 0
		err := m.collect()
		if len(m.out) > 0 {
			if _, err := m.out.WriteTo(m.conn); err != nil {
				return explainWrite(err)
			}
		}
		if err != nil {
			return err
		}
	}
}

// collect waits for one request and then takes all that have come with it, within the bounds.
func (m *mapped) collect() error {
	for m.count == 0 || m.in.more() && m.count < batchRequests && m.bytes < batchBytes {
		req, err := m.in.next()
		if err != nil {
			return err
		}
		m.answer(req)
	}
	return nil
}

func (m *mapped) answer(req request) {
	errno := m.replies.check(req, m.file.Size())
	if errno == 0 && req.command == commandBlockStatus {
		m.out = append(m.out, status(req, m.file))
		m.count++
		return
	}
	m.out = append(m.out, m.replies.header(m.headers[m.count][:], req, errno))
	m.count++
	if errno == 0 && req.length > 0 {
		m.out = append(m.out, m.file.data[req.offset:req.offset+uint64(req.length)])
		m.bytes += int(req.length)
	}
}

// explainWrite tells an error of the disk from one of the connection: the kernel reads the mapping while it sends, and answers
// EFAULT when it cannot. The header is out by then, so only hanging up can tell the client.
func explainWrite(err error) error {
	if errors.Is(err, unix.EFAULT) {
		return fmt.Errorf("the exported file cannot be read (is its disk sound, was it made shorter?): %w", err)
	}
	return err
}
