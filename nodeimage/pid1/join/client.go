package join

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"viver/nodeimage/spec"
)

const (
	// maxAnswer bounds what is read of an answer: a NodeSpec may carry files.
	maxAnswer = spec.MaxKit
	// perServer is how long one server has to answer.
	perServer = 10 * time.Second
	// dialTime is how long a connection may take: one to a machine that is gone must leave time for asking another.
	dialTime = 3 * time.Second
	// betweenRounds is the pause after all servers failed.
	betweenRounds = 2 * time.Second
	// longestWait bounds what a server can put a machine off by.
	longestWait = time.Minute
)

// Client talks to the servers of one cluster. It is safe for concurrent use.
type Client struct {
	// Servers are those known at present ("host:port"), the best first. It is asked before each round.
	Servers func() []string

	http http.Client
}

// New returns a client that trusts what the bundle says.
func New(bundle *spec.Bundle, servers func() []string) (*Client, error) {
	config, err := trustOnly(bundle.Trust.TLS, bundle.Cluster)
	if err != nil {
		return nil, err
	}
	return &Client{
		Servers: servers,
		http: http.Client{Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSClientConfig: config, DisableKeepAlives: true,
		}},
	}, nil
}

// Join asks all servers in turn until one admits the machine, for ever. It returns an error only when ctx ends. waiting is called
// with each new reason why the machine has to wait.
func (c *Client) Join(ctx context.Context, request func() spec.JoinRequest, waiting func(reason string)) (*spec.JoinResponse, error) {
	var last string
	for {
		response, wait, err := c.round(ctx, request())
		if err == nil && wait == nil {
			return response, nil
		}
		pause, reason := betweenRounds, ""
		if wait != nil {
			reason, pause = wait.Reason, time.Duration(wait.RetrySeconds*float64(time.Second))
		} else {
			reason = err.Error()
		}
		if reason != last {
			waiting(reason)
			last = reason
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("join: %s: %w", reason, ctx.Err())
		case <-time.After(min(max(pause, 100*time.Millisecond), longestWait)):
		}
	}
}

// round asks each server once, until one answers.
func (c *Client) round(ctx context.Context, request spec.JoinRequest) (*spec.JoinResponse, *spec.JoinWait, error) {
	err := errors.New("no server is known yet: the bundle names none, and none was found by mDNS")
	for i, server := range c.Servers() {
		status, body, failed := c.ask(ctx, server, request)
		if failed == nil {
			var response *spec.JoinResponse
			var wait *spec.JoinWait
			if response, wait, failed = answer(status, body); failed == nil {
				return response, wait, nil
			}
			failed = fmt.Errorf("server %s: %w", server, failed)
		}
		if i == 0 {
			err = failed
		} else {
			err = fmt.Errorf("%w; %w", err, failed)
		}
	}
	return nil, nil, err
}

// ask sends a request. A server of an earlier version does not understand that the machine wants a passport, and is asked without.
func (c *Client) ask(ctx context.Context, server string, request spec.JoinRequest) (status int, body []byte, err error) {
	status, body, err = c.post(ctx, server, spec.PathJoin, request)
	if err == nil && status == http.StatusBadRequest && request.PublicKey != nil {
		request.PublicKey = nil
		return c.post(ctx, server, spec.PathJoin, request)
	}
	return status, body, err
}

// Passport asks for another passport in this boot, of the first server that gives one. The error wraps ErrRefused if all that answer take the
// machine for another one, or no longer know its token.
func (c *Client) Passport(ctx context.Context, request spec.PassportRequest) (*spec.Passport, error) {
	servers := c.Servers()
	if len(servers) == 0 {
		return nil, errors.New("passport: no server is known")
	}
	var errs []error
	for _, server := range servers {
		status, body, err := c.post(ctx, server, spec.PathPassport, request)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("passport of %s: %w", server, refusal(status, body))
		}
		p := new(spec.Passport)
		if err == nil {
			err = spec.Decode(body, p)
		}
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// answer reads an answer to a JoinRequest.
func answer(status int, body []byte) (*spec.JoinResponse, *spec.JoinWait, error) {
	switch status {
	case http.StatusOK:
		response := new(spec.JoinResponse)
		if err := spec.Decode(body, response); err != nil {
			return nil, nil, err
		}
		if response.Node.Name == "" {
			return nil, nil, errors.New("the server admits the machine but gives it no name")
		}
		return response, nil, nil
	case http.StatusAccepted:
		wait := new(spec.JoinWait)
		return nil, wait, spec.Decode(body, wait)
	}
	return nil, nil, refusal(status, body)
}

// ErrRefused is wrapped by the errors of a server that takes the machine for another one, or no longer knows its token: it should join again.
var ErrRefused = errors.New("refused")

func refusal(status int, body []byte) error {
	err := fmt.Errorf("the server answers %d %s: %.200q", status, http.StatusText(status), bytes.TrimSpace(body))
	if status == http.StatusForbidden {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// Report sends a report to the first server that takes it, and returns which images that has; nil: it does not say. A server that knows
// nothing of the machine is passed over.
func (c *Client) Report(ctx context.Context, report spec.Report) (*spec.ReportResponse, error) {
	servers := c.Servers()
	if len(servers) == 0 {
		return nil, errors.New("report: no server is known")
	}
	var errs []error
	for _, server := range servers {
		status, body, err := c.post(ctx, server, spec.PathReport, report)
		if err == nil && status/100 == 2 {
			return stock(body), nil
		}
		if err == nil {
			err = fmt.Errorf("report to %s: %w", server, refusal(status, body))
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// stock reads what a server says when it has taken a report. That it is of another version is no reason to report again.
func stock(body []byte) *spec.ReportResponse {
	list := new(spec.ReportResponse)
	if spec.Decode(body, list) != nil {
		return nil
	}
	return list
}

// post sends one document and returns the answer.
func (c *Client) post(ctx context.Context, server, path string, doc any) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perServer)
	defer cancel()
	data, err := json.Marshal(doc)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", server, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+server+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", server, err)
	}
	request.Header.Set("Content-Type", "application/json")
	return c.do(request)
}

// do sends a request and returns the answer.
func (c *Client) do(request *http.Request) (int, []byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err // names the method and the URL
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", request.URL.Host, err)
	}
	return response.StatusCode, body, nil
}
