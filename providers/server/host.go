package server

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/providers/object"
	"viver/providers/ssh"
)

//go:embed host.sh
var hostScript string

// host is a server as it is reached before its agent runs: this machine, or one with an sshd.
type host struct {
	// run runs a shell command; secrets go by stdin only.
	run  func(ctx context.Context, command []string, stdin io.Reader) ([]byte, error)
	here bool
	dir  string // data folder
}

// loginTimeout is how long a server's sshd may take to let us in; it may just be starting.
const loginTimeout = time.Minute

// open returns the host that the object of a server speaks of.
func (t *Type) open(ctx context.Context, server cty.Value) (*host, error) {
	h := &host{dir: object.String(server, "data_dir"), here: true, run: runHere}
	if h.dir == "" {
		h.dir = defaultDir
	}
	block := object.Get(server, "ssh")
	if block == cty.NilVal {
		return h, nil
	}
	login := ssh.Login{
		Host: object.String(block, "host"), Port: object.Int(block, "port"), User: object.String(block, "user"),
		IdentityFile: object.String(block, "identity_file"), HostKey: object.String(block, "host_key"),
	}
	if login.Host == "" {
		login.Host = object.String(server, "address")
	}
	target, err := login.Target()
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeoutCause(ctx, loginTimeout, fmt.Errorf("it did not answer for %v: is it switched on, and does its sshd run", loginTimeout))
	defer cancel()
	client, err := t.Agents.Pool.Connect(within, target)
	if errors.Is(err, ssh.ErrLogin) {
		return nil, fmt.Errorf("%w: add your public key to .ssh/authorized_keys of %s there, or set another identity_file in the ssh block", err, target.User)
	}
	if err != nil {
		return nil, err
	}
	h.here = false
	h.run = func(ctx context.Context, command []string, stdin io.Reader) ([]byte, error) {
		return client.Run(ctx, shellJoin(command), stdin)
	}
	return h, nil
}

// do runs one word of host.sh that needs nothing on standard input.
func (h *host) do(ctx context.Context, word string) ([]byte, error) {
	return h.give(ctx, word, nil)
}

// give runs one word of host.sh, which gets the data on its standard input.
func (h *host) give(ctx context.Context, word string, data []byte) ([]byte, error) {
	out, err := h.run(ctx, []string{"sh", "-c", hostScript, "viver", word, h.dir, unitName(h.dir), digest(data)}, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", word, h.dir, err)
	}
	return out, nil
}

func runHere(ctx context.Context, command []string, stdin io.Reader) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if text := strings.TrimSpace(stderr.String()); err != nil && text != "" {
		return nil, errors.New(text)
	}
	return out, err
}

// shellJoin makes one line for a shell of the words.
func shellJoin(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

// defaultDir is the data folder of a server that names none.
const defaultDir = "/var/lib/viver"

// unitName is the systemd unit for the agent of a data folder; several can live on one machine.
func unitName(dir string) string {
	if dir == defaultDir {
		return "viver-node.service"
	}
	hex, _ := spec.DigestOf([]byte(dir)).Hex()
	return "viver-node-" + hex[:8] + ".service"
}
