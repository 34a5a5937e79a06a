package join

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"viver/nodeimage/spec"
)

// Images asks a server, "host:port", which images it has.
func (c *Client) Images(ctx context.Context, server string) (*spec.ReportResponse, error) {
	body, err := c.get(ctx, server, spec.PathImages)
	if err != nil {
		return nil, err
	}
	list := new(spec.ReportResponse)
	return list, spec.Decode(body, list)
}

// Manifest fetches the manifest of an image from the first server that gives it, and returns the bytes that the ID is the digest of.
func (c *Client) Manifest(ctx context.Context, id spec.Digest) ([]byte, error) {
	path := spec.PathManifest + "?" + url.Values{spec.QueryImage: {string(id)}}.Encode()
	errs := []error{fmt.Errorf("no server gives the manifest of image %s", id)}
	for _, server := range c.Servers() {
		body, err := c.get(ctx, server, path)
		if err == nil {
			err = checkManifest(body, id)
		}
		if err == nil {
			return body, nil
		}
		errs = append(errs, fmt.Errorf("server %s: %w", server, err))
	}
	return nil, errors.Join(errs...)
}

func checkManifest(data []byte, id spec.Digest) error {
	if len(data) > spec.MaxManifest {
		return fmt.Errorf("a manifest of more than %d bytes", spec.MaxManifest)
	}
	_, err := spec.DecodeManifest(data, id)
	return err
}

// get asks a server for a document.
func (c *Client) get(ctx context.Context, server, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perServer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+server+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	status, body, err := c.do(request)
	if err == nil && status != http.StatusOK {
		err = refusal(status, body)
	}
	return body, err
}
