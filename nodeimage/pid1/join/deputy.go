package join

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"viver/nodeimage/spec"
)

const (
	// presenceTime bounds asking who is there, kitTime fetching a kit or handing over a part: they may be long.
	presenceTime = 4 * time.Second
	kitTime      = time.Minute
)

// ErrNoDeputy is wrapped by the errors of a server that knows the machine, and does not have it as a deputy.
var ErrNoDeputy = errors.New("this machine is no deputy there")

// Proof is what a deputy proves itself with: the token of its boot.
type Proof struct{ MAC, Token string }

// Presence asks who is at an address: a server, or a deputy.
func (c *Client) Presence(ctx context.Context, address string) (*spec.Presence, error) {
	ctx, cancel := context.WithTimeout(ctx, presenceTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+spec.PathPresence, nil)
	if err != nil {
		return nil, fmt.Errorf("who is at %s: %w", address, err)
	}
	status, body, err := c.do(request)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("who is at %s: %w", address, refusal(status, body))
	}
	p := new(spec.Presence)
	return p, spec.Decode(body, p)
}

// Kit fetches what it takes to admit machines; nil: it is the one with the tag have. The error wraps ErrRefused if the token is not known
// there, and ErrNoDeputy.
func (c *Client) Kit(ctx context.Context, address string, who Proof, have string) (*spec.Kit, error) {
	ctx, cancel := context.WithTimeout(ctx, kitTime)
	defer cancel()
	request, err := who.request(ctx, http.MethodGet, address, spec.PathKit, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch a deputy's kit: %w", err)
	}
	if have != "" {
		request.Header.Set("If-None-Match", `"`+have+`"`)
	}
	status, body, err := c.do(request)
	if err != nil || status == http.StatusNotModified {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("fetch a deputy's kit of %s: %w", address, rejection(status, body))
	}
	k := new(spec.Kit)
	return k, spec.Decode(body, k)
}

// HandOver tells what a deputy has noted. The error is as with Kit.
func (c *Client) HandOver(ctx context.Context, address string, who Proof, h spec.Handover) error {
	ctx, cancel := context.WithTimeout(ctx, kitTime)
	defer cancel()
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("tell %s what was noted: %w", address, err)
	}
	request, err := who.request(ctx, http.MethodPost, address, spec.PathHandover, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("tell %s what was noted: %w", address, err)
	}
	status, body, err := c.do(request)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("tell %s what was noted: %w", address, rejection(status, body))
	}
	return err
}

// request makes one that proves who asks.
func (p Proof) request(ctx context.Context, method, address, path string, body io.Reader) (*http.Request, error) {
	query := url.Values{spec.QueryMAC: {p.MAC}}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+address+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	return request, nil
}

func rejection(status int, body []byte) error {
	switch err := fmt.Errorf("the server answers %d %s: %.200q", status, http.StatusText(status), bytes.TrimSpace(body)); status {
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w", ErrNoDeputy, err)
	default:
		return err
	}
}
