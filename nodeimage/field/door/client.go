package door

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

// ErrNoMember is wrapped by errors of a Client where nobody answers at the socket: the machine is no member, or not yet.
var ErrNoMember = errors.New("this machine is no member of the field, or not yet")

const (
	// maxAnswer bounds what a member answers, in bytes.
	maxAnswer = 32 << 20
	// askTime bounds every question but Leave.
	askTime = 10 * time.Second
)

// Client asks the member behind the socket at Path, as Member does. It is safe for concurrent use.
type Client struct{ Path string }

var _ Member = Client{}

// Status implements Member.
func (c Client) Status() (s field.Status, err error) {
	err = c.ask(http.MethodGet, "status", nil, &s)
	return s, err
}

// Map implements Member.
func (c Client) Map(image spec.Digest) (list []field.Range, err error) {
	err = c.ask(http.MethodGet, "map?image="+url.QueryEscape(string(image)), nil, &list)
	return list, err
}

// Drain implements Member.
func (c Client) Drain(name string, on bool) error { return c.tell("drain", drain{name, on}) }

// Prefer implements Member.
func (c Client) Prefer(name string, factor float64) error {
	return c.tell("prefer", prefer{name, factor})
}

// Pin implements Member.
func (c Client) Pin(pins []spec.Pin) error { return c.tell("pin", pins) }

// Hold implements Member.
func (c Client) Hold(manifest []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	return c.do(ctx, http.MethodPost, "hold", manifest, new(struct{}))
}

// Drop implements Member.
func (c Client) Drop(image spec.Digest) error { return c.tell("drop", drop{image}) }

// Leave implements Member: it wraps field.ErrLast where the member does. When ctx ends before, the member stays.
func (c Client) Leave(ctx context.Context, force bool) error {
	return c.send(ctx, http.MethodPost, "leave", leave{force}, new(struct{}))
}

func (c Client) tell(path string, args any) error {
	return c.ask(http.MethodPost, path, args, new(struct{}))
}

func (c Client) ask(method, path string, args, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	return c.send(ctx, method, path, args, result)
}

func (c Client) send(ctx context.Context, method, path string, args, result any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("ask the field: %w", err)
	}
	return c.do(ctx, method, path, body, result)
}

func (c Client) do(ctx context.Context, method, path string, body []byte, result any) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://member/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the field: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Path)
	}}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask the field: %w", absent(err))
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("ask the field: %w", err)
	case len(data) > maxAnswer:
		return fmt.Errorf("ask the field: the answer is longer than %d bytes", maxAnswer)
	case response.StatusCode != http.StatusOK:
		return refusal(response.StatusCode, strings.TrimSpace(string(data)))
	}
	return spec.Decode(data, result)
}

// absent makes ErrNoMember of an error that says that nobody listens.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w (%w)", ErrNoMember, err)
	}
	return err
}

// refusal is the error that the member has answered.
func refusal(status int, text string) error {
	switch status {
	case statusLast:
		return &refused{text, field.ErrLast}
	case statusClosed:
		return &refused{text, ErrNoMember}
	}
	return &refused{text, nil}
}

// refused is an error that came over the wire: its text, and what it was.
type refused struct {
	text string
	kind error // may be nil
}

func (r *refused) Error() string { return r.text }
func (r *refused) Unwrap() error { return r.kind }
