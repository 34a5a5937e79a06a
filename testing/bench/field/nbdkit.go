package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/links"
)

// plain is an nbdkit that runs on a host.
type plain struct {
	address string // "address:port", or a path
	uri     string
	cmd     *exec.Cmd
	said    bytes.Buffer
}

// start starts nbdkit on a host and waits until it answers another.
func (s *plain) start(ctx context.Context, net *links.Room, host, other string, args ...string) error {
	s.cmd = net.Command(ctx, host, "nbdkit", append([]string{"-f"}, args...)...)
	s.cmd.Stderr = &s.said
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start nbdkit: %w", err)
	}
	if err := awaitServer(ctx, net, other, s.uri); err != nil {
		return s.end(err)
	}
	return nil
}

func (s *plain) pid() int { return s.cmd.Process.Pid }

// end ends the server, and adds what it has said to an error.
func (s *plain) end(err error) error {
	_ = s.cmd.Process.Kill()
	if _ = s.cmd.Wait(); err != nil { // it was killed
		err = fmt.Errorf("%w: %s", err, s.said.String())
	}
	return err
}

// serveFile has the first host serve a file from RAM to all others.
func serveFile(ctx context.Context, net *links.Room, file string) (*plain, error) {
	hosts := net.Hosts()
	s := &plain{address: netip.AddrPortFrom(net.Address(hosts[0]), spec.PortNBD).String()}
	s.uri = "nbd://" + s.address
	return s, s.start(ctx, net, hosts[0], hosts[1], "-r", "-p", strconv.Itoa(spec.PortNBD), "data", "data= <"+file)
}

// serveMemory has a host serve a copy of a file to itself, on a Unix socket.
func serveMemory(ctx context.Context, net *links.Room, host, socket, file string, bytes int64) (*plain, error) {
	s := &plain{address: socket, uri: "nbd+unix:///?socket=" + socket}
	if err := s.start(ctx, net, host, host, "-U", socket, "memory", strconv.FormatInt(bytes, 10)); err != nil {
		return nil, err
	}
	if out, err := net.Command(ctx, host, "nbdcopy", file, s.uri).CombinedOutput(); err != nil {
		return nil, s.end(fmt.Errorf("nbdcopy to nbdkit's memory: %w: %s", err, out))
	}
	return s, nil
}

// runNbdkit has the first host serve the file from RAM, and all others copy it to nowhere at the same moment.
func runNbdkit(ctx context.Context, net *links.Room, file string, o options) (r result, err error) {
	server, err := serveFile(ctx, net, file)
	if err != nil {
		return r, err
	}
	defer func() { err = server.end(err) }()
	before, err := cpuOf(server.pid())
	if err != nil {
		return r, err
	}
	copies := make([]*exec.Cmd, len(net.Hosts())-1)
	var all errgroup.Group
	begin, lateness := time.Now(), newSleeper()
	for i, h := range net.Hosts()[1:] {
		copies[i] = net.Command(ctx, h, "nbdcopy", "--connections=1", "--requests="+strconv.Itoa(o.atOnce), "--request-size=262144", server.uri, "null:")
		all.Go(func() error {
			if out, err := copies[i].CombinedOutput(); err != nil {
				return fmt.Errorf("nbdcopy on %s: %w: %s", h, err, out)
			}
			return nil
		})
	}
	err = all.Wait()
	r.seconds, r.late = time.Since(begin).Seconds(), lateness.end()
	if err != nil {
		return r, err
	}
	after, err := cpuOf(server.pid())
	if err != nil {
		return r, err
	}
	r.read = int64(len(copies)) * o.bytes
	r.network, r.seed, r.seedCPU, r.cpu = r.read, r.read, after-before, after-before
	for _, c := range copies {
		r.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.rss = max(r.rss, usage.Maxrss<<10)
		}
	}
	return r, nil
}

// awaitServer waits until the server answers.
func awaitServer(ctx context.Context, net *links.Room, host, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		out, err := net.Command(ctx, host, "nbdinfo", "--size", uri).CombinedOutput()
		if err == nil || errors.Is(err, exec.ErrNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nbdkit does not serve: %w: %s", ctx.Err(), out)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
