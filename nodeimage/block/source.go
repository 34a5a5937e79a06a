package block

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// The pause before a server is tried again: firstPause after a first failure, doubled each time up to longestPause.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// pacing spaces tries. The zero value allows one at once.
type pacing struct {
	asked bool // a try is under way
	pause time.Duration
	until time.Time
}

func (p *pacing) failed(now time.Time) {
	p.pause = min(max(firstPause, 2*p.pause), longestPause)
	p.until = now.Add(p.pause)
}

func (p pacing) wait(now time.Time) time.Duration { return p.until.Sub(now) }

// source is a Source with its connection, if there is one, and its record.
type source struct {
	Source
	size    int64
	silence time.Duration
	log     *slog.Logger
	turn    chan struct{} // full while somebody dials

	mu     sync.Mutex
	closed bool
	conn   Conn // nil: not connected
	pacing pacing
	err    error // of the last try to connect
	banned map[int64]bool
}

func newSource(s Source, size int64, options FailoverOptions) *source {
	return &source{
		Source: s, size: size, silence: options.Silence, log: options.Log.With("server", s.Name),
		turn: make(chan struct{}, 1), banned: make(map[int64]bool),
	}
}

// connect returns the connection to the server, and makes it if need be.
func (s *source) connect(ctx context.Context) (Conn, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	if conn, err := s.connected(); conn != nil || err != nil {
		return conn, err
	}
	dialing, cancel := context.WithTimeout(ctx, s.silence)
	defer cancel()
	conn, err := s.Dial(dialing)
	if err == nil && conn.Size() != s.size {
		err = fmt.Errorf("it has %d bytes, not %d", conn.Size(), s.size)
		conn.Close()
	}
	if err != nil && over(ctx) {
		return nil, cmp.Or(ctx.Err(), context.DeadlineExceeded) // it is not the server's fault
	}
	return s.dialed(conn, err)
}

// connected returns the connection if there is one, and an error if another must not be tried yet.
func (s *source) connected() (Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.conn != nil:
		return s.conn, nil
	case s.pacing.wait(time.Now()) > 0:
		return nil, s.err
	}
	return nil, nil
}

// dialed notes the outcome of a dial.
func (s *source) dialed(conn Conn, err error) (Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.err = fmt.Errorf("connect to %s: %w", s.Name, err)
		if s.pacing.pause < longestPause { // later failures say the same
			s.log.Warn("block server cannot be reached", "error", err)
		}
		s.pacing.failed(time.Now())
		return nil, s.err
	}
	if s.closed {
		conn.Close()
		return nil, ErrClosed
	}
	s.conn = conn
	return conn, nil
}

// lost drops a connection. Others may have noticed before.
func (s *source) lost(conn Conn, why error) {
	s.mu.Lock()
	known := s.conn != conn
	if !known {
		s.conn = nil
		s.err = fmt.Errorf("connection to %s lost: %w", s.Name, why)
		s.pacing.failed(time.Now())
	}
	s.mu.Unlock()
	if !known {
		s.log.Warn("connection to block server lost", "error", why)
		conn.Close()
	}
}

// good notes that the server has answered well.
func (s *source) good() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pacing = pacing{}
}

// sign is something that changes while the server is alive and asked.
type sign struct {
	conn     Conn
	received int64
}

func (s *source) sign() sign {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return sign{}
	}
	return sign{s.conn, s.conn.Received()}
}

func (s *source) wait(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return 0
	}
	return s.pacing.wait(now)
}

// ban notes that the server has wrong bytes at off.
func (s *source) ban(off int64, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.banned[off] = true
	s.log.Error("block server has wrong bytes; the others are asked for them", "offset", off, "error", why)
}

func (s *source) pardon(off int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.banned, off)
}

func (s *source) isBanned(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.banned[off]
}

func (s *source) close() {
	s.mu.Lock()
	conn := s.conn
	s.conn, s.closed = nil, true
	s.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
