package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"viver/nodeimage/agent/sshd"
	"viver/nodeimage/spec"
)

// maxRequest bounds the line of a request, in bytes. Who sends one holds a certificate; manifests of large images and steps that carry
// files need some room.
const maxRequest = 16 << 20

// operation does what one spec.Op asks for. ctx ends when the operator goes away. Its result is sent as JSON.
type operation func(ctx context.Context, c *call) (result any, err error)

// call is one request under way. Its methods are for the operation's own goroutine.
type call struct {
	args    json.RawMessage
	payload io.Reader // what follows the request's line
	out     *json.Encoder
	after   func() // called when the result has been sent; nil: nothing is left to do
}

// event sends one element of a stream.
func (c *call) event(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("agent: encode an event: %w", err)
	}
	return c.out.Encode(spec.Reply{Event: data})
}

func (c *call) progress(text string) { _ = c.out.Encode(spec.Reply{Progress: text}) } // fails with the channel

// nothing is the result of operations that have none.
type nothing struct{}

// with makes an operation of a function that takes decoded arguments.
func with[A any](f func(ctx context.Context, args A) (any, error)) operation {
	return func(ctx context.Context, c *call) (any, error) {
		var args A
		if err := spec.Decode(c.args, &args); err != nil {
			return nil, err
		}
		return f(ctx, args)
	}
}

// control returns the subsystem that serves these operations.
func control(ops map[spec.Op]operation) sshd.Subsystem {
	return func(ctx context.Context, channel io.ReadWriter) error {
		in := bufio.NewReaderSize(channel, 256<<10)
		c := &call{payload: in, out: json.NewEncoder(channel)}
		result, err := serveOne(ctx, in, c, ops)
		if err != nil {
			return errors.Join(err, c.out.Encode(spec.Reply{Error: err.Error()}))
		}
		err = c.out.Encode(spec.Reply{Result: result})
		if c.after != nil {
			c.after()
		}
		return err
	}
}

func serveOne(ctx context.Context, in *bufio.Reader, c *call, ops map[spec.Op]operation) (json.RawMessage, error) {
	request, err := readRequest(in)
	if err != nil {
		return nil, err
	}
	do := ops[request.Op]
	if do == nil {
		return nil, fmt.Errorf("agent: this machine does not serve %.80q; it serves %q", request.Op, slices.Sorted(maps.Keys(ops)))
	}
	c.args = request.Args
	result, err := do(ctx, c)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("agent: encode the result of %s: %w", request.Op, err)
	}
	return data, nil
}

// readRequest reads the first line.
func readRequest(in *bufio.Reader) (spec.Request, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxRequest {
			return spec.Request{}, fmt.Errorf("agent: the request is longer than %d bytes", maxRequest)
		}
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return spec.Request{}, fmt.Errorf("agent: read the request: %w", err)
		}
	}
	var request spec.Request
	err := spec.Decode(line, &request)
	return request, err
}
