package nbd

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/pojntfx/go-nbd/pkg/protocol"
)

// requests reads the requests of a client.
type requests struct {
	r *bufio.Reader
}

// newReader returns a reader whose buffer holds a few hundred requests.
func newReader(conn io.Reader) *bufio.Reader { return bufio.NewReaderSize(conn, 8<<10) }

// more reports whether next need not wait.
func (q requests) more() bool { return q.r.Buffered() >= requestSize }

// next returns the next request; what a write brings along is thrown away. The error is errGoodbye when the client
// disconnects, and io.EOF when it is gone between two requests.
func (q requests) next() (request, error) {
	b, err := q.r.Peek(requestSize)
	if errors.Is(err, io.EOF) && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return request{}, err
	}
	req, err := parseRequest(b)
	if err != nil {
		return request{}, err
	}
	if _, err := q.r.Discard(requestSize); err != nil {
		return request{}, err
	}
	switch req.command {
	case protocol.TRANSMISSION_TYPE_REQUEST_DISC:
		return request{}, errGoodbye
	case protocol.TRANSMISSION_TYPE_REQUEST_WRITE:
		return req, q.skip(req.length)
	}
	return req, nil
}

func (q requests) skip(length uint32) error {
	if length > maxRequest {
		return fmt.Errorf("a write of %d bytes to a read-only export", length)
	}
	_, err := q.r.Discard(int(length))
	return err
}
