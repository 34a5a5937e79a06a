package nbd

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"sync"

	"golang.org/x/sync/semaphore"
)

// spreadBytes is how much may be under way for one client; at least maxRequest.
const spreadBytes = 32 << 20

// spread serves one client from a device that may take its time: each read has a goroutine, answers go out in the order
// in which they are ready.
type spread struct {
	device  Device
	in      requests
	replies replies
	room    *semaphore.Weighted // bytes under way
	bufs    sync.Pool           // *[]byte
	log     *slog.Logger

	mu   sync.Mutex // guards writing to conn
	conn net.Conn
}

func newSpread(device Device, r *bufio.Reader, conn net.Conn, form replies, log *slog.Logger) *spread {
	return &spread{device: device, in: requests{r: r}, replies: form, room: semaphore.NewWeighted(spreadBytes), conn: conn, log: log}
}

// run answers requests until the client goes or ctx ends; what is under way then is given up.
func (s *spread) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var reads sync.WaitGroup
	defer reads.Wait()
	defer cancel(nil)
	for {
		req, err := s.in.next()
		if err != nil {
			return causeOr(ctx, err)
		}
		if done, err := s.now(req); err != nil {
			return causeOr(ctx, err)
		} else if done {
			continue
		}
		weight := int64(max(req.length, 4<<10)) // so that there are at most 8192 goroutines
		if err := s.room.Acquire(ctx, weight); err != nil {
			return causeOr(ctx, err)
		}
		reads.Go(func() {
			defer s.room.Release(weight)
			if err := s.read(ctx, req); err != nil {
				cancel(err)
				s.conn.Close() // wakes the loop
			}
		})
	}
}

// now answers a request that can be answered without waiting for the device, and reports whether it was one. Its error is that of
// the connection.
func (s *spread) now(req request) (bool, error) {
	if errno := s.replies.check(req, s.device.Size()); errno != 0 {
		return true, s.reply(req, errno, nil)
	}
	if req.command == commandBlockStatus {
		return true, s.write(status(req, s.device), nil)
	}
	device, ok := s.device.(Ready)
	if !ok {
		return false, nil
	}
	buf := s.buffer(req.length)
	defer s.bufs.Put(buf)
	if !device.ReadNow(*buf, int64(req.offset)) {
		return false, nil
	}
	return true, s.reply(req, 0, *buf)
}

// causeOr returns why ctx was ended, if it was by a read that failed to answer; else err.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// read does one read and answers it. Its error is that of the connection.
func (s *spread) read(ctx context.Context, req request) error {
	buf := s.buffer(req.length)
	defer s.bufs.Put(buf)
	err := s.device.ReadAt(ctx, *buf, int64(req.offset))
	if ctx.Err() != nil {
		return nil // nobody waits any more, and an error that comes of this must not become the reader's
	}
	if err != nil {
		s.log.Error("a read failed; the client gets an I/O error", "bytes", req.length, "offset", req.offset, "error", err)
		return s.reply(req, errnoEIO, nil)
	}
	return s.reply(req, 0, *buf)
}

// buffer returns one for so many bytes; it goes back to bufs.
func (s *spread) buffer(length uint32) *[]byte {
	buf, _ := s.bufs.Get().(*[]byte)
	if buf == nil || cap(*buf) < int(length) {
		buf = new([]byte)
		*buf = make([]byte, length)
	}
	*buf = (*buf)[:length]
	return buf
}

func (s *spread) reply(req request, errno uint32, data []byte) error {
	var b [headerSize]byte
	return s.write(s.replies.header(b[:], req, errno), data)
}

func (s *spread) write(header, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeBuffers(s.conn, header, data)
}
