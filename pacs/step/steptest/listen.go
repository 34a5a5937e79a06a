package steptest

import (
	"net"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// listen makes a listener on the loopback of a network namespace. Its goroutine keeps its thread, which ends with it: no other ever
// finds itself in that namespace.
func listen(t *testing.T, namespace string) (port int) {
	t.Helper()
	type made struct {
		l   net.Listener
		err error
	}
	result := make(chan made)
	go func() {
		runtime.LockOSThread()
		ns, err := os.Open(namespace)
		if err != nil {
			result <- made{nil, err}
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- made{nil, err}
			return
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		result <- made{l, err}
	}()
	m := <-result
	must(t, m.err)
	t.Cleanup(func() { m.l.Close() })
	return m.l.Addr().(*net.TCPAddr).Port
}
