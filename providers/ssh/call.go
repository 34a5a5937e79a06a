package ssh

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	cryptossh "golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
)

// maxReply is the number of bytes that one line of an agent's answer may have: a list of a thousand machines with their facts
// is some 4 MB.
const maxReply = 64 << 20

// AgentError is an agent's own answer that it could not do what it was asked for.
type AgentError struct {
	Op   spec.Op
	Addr string
	Text string
}

// Error implements error.
func (e *AgentError) Error() string { return e.Text }

// errEnded is the error of a connection that ended before the answer.
var errEnded = errors.New("the connection ended before it answered")

// Call asks the agent at the other end for op and returns its result. args may be nil, as may payload, which is sent behind the
// request. onReply, if not nil, is called for each line that is neither the result nor an error, from this goroutine. The error
// is an *AgentError if the agent said no.
func (c *Client) Call(ctx context.Context, op spec.Op, args any, payload io.Reader, onReply func(spec.Reply)) (json.RawMessage, error) {
	result, err := c.call(ctx, op, args, payload, onReply)
	var no *AgentError
	if err == nil || errors.As(err, &no) {
		return result, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", c.addr, op, context.Cause(ctx))
	}
	return nil, fmt.Errorf("ask %s for %s: %w", c.addr, op, err)
}

func (c *Client) call(ctx context.Context, op spec.Op, args any, payload io.Reader, onReply func(spec.Reply)) (json.RawMessage, error) {
	request := spec.Request{Op: op}
	if args != nil {
		data, err := json.Marshal(args)
		if err != nil {
			return nil, err
		}
		request.Args = data
	}
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	channel, err := c.subsystem(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- send(channel, append(line, '\n'), payload) }()
	result, err := receive(c.addr, op, channel, onReply)
	channel.Close()
	// An agent that says no may do so before it has read the whole payload: its word counts, not the broken pipe.
	if sendErr := <-sent; sendErr != nil && (err == nil || errors.Is(err, errEnded)) {
		return nil, fmt.Errorf("send: %w", sendErr)
	}
	return result, err
}

// subsystem opens a channel to the agent.
func (c *Client) subsystem(ctx context.Context) (cryptossh.Channel, error) {
	channel, requests, err := c.conn.OpenChannel("session", nil)
	if err != nil {
		return nil, err
	}
	c.all.Go(func() { cryptossh.DiscardRequests(requests) })
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()
	ok, err := channel.SendRequest("subsystem", true, cryptossh.Marshal(struct{ Name string }{spec.Subsystem}))
	if err == nil && !ok {
		err = errors.New("it does not know viver's requests: is another SSH server on that port?")
	}
	if err != nil {
		channel.Close()
		return nil, err
	}
	return channel, nil
}

// send writes the request and what follows it. The channel's end is not closed: an agent tells by a closed channel that nobody
// waits for its answer any more.
func send(w io.Writer, line []byte, payload io.Reader) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	if payload == nil {
		return nil
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{payload}, make([]byte, 256<<10))
	return err
}

func receive(addr string, op spec.Op, r io.Reader, onReply func(spec.Reply)) (json.RawMessage, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxReply)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var reply spec.Reply
		if err := spec.Decode(lines.Bytes(), &reply); err != nil {
			return nil, fmt.Errorf("its answer cannot be read (is its viver-node of another version?): %w", err)
		}
		switch {
		case reply.Error != "":
			return nil, &AgentError{Op: op, Addr: addr, Text: reply.Error}
		case reply.Result != nil:
			return reply.Result, nil
		case onReply != nil:
			onReply(reply)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, errEnded
}

// Do is Call for an answer of one document; result may be nil.
func (c *Client) Do(ctx context.Context, op spec.Op, args, result any) error {
	data, err := c.Call(ctx, op, args, nil, nil)
	if err != nil || result == nil {
		return err
	}
	if err := spec.Decode(data, result); err != nil {
		return fmt.Errorf("ask %s for %s: %w", c.addr, op, err)
	}
	return nil
}

// ExitError is the error of a command that ended with another status than 0.
type ExitError struct {
	Status int
	Stderr string // the last 4 KiB
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("it ended with %d", e.Status)
	}
	return e.Stderr
}

// Run runs a command on a host with an ordinary sshd and returns what it printed. The command is visible to everybody on that
// host; secrets belong on its standard input.
func (c *Client) Run(ctx context.Context, command string, stdin io.Reader) ([]byte, error) {
	session, err := c.conn.NewSession()
	if err != nil {
		return nil, fmt.Errorf("run a command on %s: %w", c.addr, err)
	}
	defer session.Close()
	stop := context.AfterFunc(ctx, func() { session.Close() })
	defer stop()
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = stdin, &stdout, &stderr
	err = session.Run(command)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run a command on %s: %w", c.addr, context.Cause(ctx))
	}
	var exit *cryptossh.ExitError
	if errors.As(err, &exit) {
		text := bytes.TrimSpace(stderr.Bytes())
		return stdout.Bytes(), &ExitError{Status: exit.ExitStatus(), Stderr: string(text[max(0, len(text)-4096):])}
	}
	if err != nil {
		return nil, fmt.Errorf("run a command on %s: %w", c.addr, err)
	}
	return stdout.Bytes(), nil
}

// Lost tells whether err of a call means that the connection ended: the host may have answered a new one.
func (c *Client) Lost(err error) bool {
	var no *AgentError
	if err == nil || errors.As(err, &no) {
		return false
	}
	select {
	case <-c.dead:
		return true
	case <-time.After(time.Second): // the news of it may be about to arrive
		return false
	}
}
