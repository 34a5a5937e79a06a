package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/links"
)

// runNbdkit has the first host serve the file from RAM, and all others copy it to nowhere at the same moment.
func runNbdkit(ctx context.Context, net *links.Room, file string, o options) (r result, err error) {
	hosts := net.Hosts()
	server := net.Command(ctx, hosts[0], "nbdkit", "-f", "-r", "-p", strconv.Itoa(spec.PortNBD), "data", "data= <"+file)
	var said bytes.Buffer
	server.Stderr = &said
	if err := server.Start(); err != nil {
		return r, fmt.Errorf("start nbdkit: %w", err)
	}
	defer func() {
		_ = server.Process.Kill()
		if server.Wait(); err != nil {
			err = fmt.Errorf("%w: %s", err, said.String())
		}
	}()
	uri := fmt.Sprintf("nbd://%s:%d", net.Address(hosts[0]), spec.PortNBD)
	if err := awaitServer(ctx, net, hosts[1], uri); err != nil {
		return r, err
	}
	before, err := cpuOf(server.Process.Pid)
	if err != nil {
		return r, err
	}
	copies := make([]*exec.Cmd, len(hosts)-1)
	var all errgroup.Group
	begin, lateness := time.Now(), newSleeper()
	for i, h := range hosts[1:] {
		copies[i] = net.Command(ctx, h, "nbdcopy", "--connections=1", "--requests="+strconv.Itoa(o.atOnce), "--request-size=262144", uri, "null:")
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
	after, err := cpuOf(server.Process.Pid)
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
