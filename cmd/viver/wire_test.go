package main

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// wire is a way to a port that can be cut and frozen.
type wire struct {
	port int

	mu     sync.Mutex
	thawed *sync.Cond
	frozen bool  // guarded by mu
	left   int64 // bytes to the server until the cut, -1: no cut; guarded by mu
	stays  bool  // after the cut nothing gets through any more; guarded by mu
}

func newWire(t *testing.T, to int) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{port: l.Addr().(*net.TCPAddr).Port, left: -1}
	w.thawed = sync.NewCond(&w.mu)
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		w.thaw()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", to))
			if err != nil {
				client.Close()
				continue
			}
			all.Go(func() { w.carry(client, server, true) })
			all.Go(func() { w.carry(server, client, false) })
		}
	})
	return w
}

func (w *wire) carry(from, to net.Conn, counted bool) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		n, cut := w.pass(n, counted)
		if _, err := to.Write(buffer[:n]); err != nil || cut {
			return
		}
	}
}

// pass waits while the wire is frozen, and says how many bytes get through.
func (w *wire) pass(n int, counted bool) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.frozen {
		w.thawed.Wait()
	}
	if !counted || w.left < 0 {
		return n, false
	}
	if int64(n) < w.left {
		w.left -= int64(n)
		return n, false
	}
	if n = int(w.left); w.stays {
		w.left = 0
	} else {
		w.left = -1
	}
	return n, true
}

// cutAfter cuts the connection; who connects again gets through, unless it stays cut.
func (w *wire) cutAfter(bytes int64, stays bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.stays = bytes, stays
}

func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left, w.stays = -1, false
}

func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = true
}

func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = false
	w.thawed.Broadcast()
}
