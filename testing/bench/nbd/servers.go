package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	wire "viver/nodeimage/nbd"
)

const export = "data"

// server is a running NBD server.
type server struct {
	name    string
	address string
	cmd     *exec.Cmd
}

func (s server) uri() string { return "nbd://" + s.address + "/" + export }

type servers []server

// Names of the servers in the report.
const (
	viver  = "viver"
	nbdkit = "nbdkit data (RAM)"
	qemu   = "qemu-nbd"
)

// start runs all servers on loopback with the same data. The file is on tmpfs.
func start(ctx context.Context, file string) (servers, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var all servers
	for name, command := range map[string]func(host, port string) []string{
		viver: func(host, port string) []string { return []string{self, "serve", file, net.JoinHostPort(host, port)} },
		nbdkit: func(host, port string) []string {
			return []string{"nbdkit", "-f", "-r", "-i", host, "-p", port, "data", "data= <" + file}
		},
		qemu: func(host, port string) []string {
			return []string{"qemu-nbd", "-r", "-t", "-e", "8", "-f", "raw", "-x", export, "-b", host, "-p", port, file}
		},
	} {
		s, err := run(ctx, name, command)
		if err != nil {
			all.stop()
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func run(ctx context.Context, name string, command func(host, port string) []string) (server, error) {
	address, err := freeAddress()
	if err != nil {
		return server{}, err
	}
	host, port, _ := net.SplitHostPort(address)
	args := command(host, port)
	s := server{name: name, address: address, cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return server{}, fmt.Errorf("start %s: %w", name, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		client, err := wire.Dial(ctx, address, export)
		if err == nil {
			return s, client.Close()
		}
		if time.Now().After(deadline) {
			servers{s}.stop()
			return server{}, fmt.Errorf("%s does not serve: %w", name, err)
		}
	}
}

func (all servers) stop() {
	for _, s := range all {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func fill(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.Reader, size); err != nil {
		f.Close()
		return fmt.Errorf("fill %s: %w", path, err)
	}
	return f.Close()
}

// serve is viver's server: what the unit nbd does, in a process of its own.
func serve(ctx context.Context, file, address string) error {
	f, err := wire.MapFile(file)
	if err != nil {
		return err
	}
	defer f.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s := wire.Server{Exports: map[string]wire.Device{export: f}}
	return s.Serve(ctx, l)
}
