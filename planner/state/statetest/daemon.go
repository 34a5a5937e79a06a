package statetest

import (
	"bufio"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RunDaemon starts a server, waits until a line of what it writes to its standard error has some text in it, and ends it with the test.
func RunDaemon(t *testing.T, cmd *exec.Cmd, ready string) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	serving, ended := make(chan struct{}), make(chan struct{})
	var said []string // read after ended
	go func() {
		defer close(ended)
		served := false
		for lines := bufio.NewScanner(log); lines.Scan(); {
			said = append(said, lines.Text())
			if !served && strings.Contains(lines.Text(), ready) {
				served = true
				close(serving)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // reports the kill, and closes the pipe, which children of the server may have, too
		<-ended
	})
	select {
	case <-serving:
	case <-ended:
		t.Fatalf("%s ended:\n%s", cmd.Path, strings.Join(said, "\n"))
	case <-time.After(time.Minute):
		t.Fatalf("%s does not serve after a minute", cmd.Path)
	}
}

// FreeAddress is an address on loopback on which nobody listens.
func FreeAddress(t *testing.T) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr)
}
