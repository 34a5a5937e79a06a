package rootdisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"viver/nodeimage/block"
	"viver/nodeimage/spec"
)

// maxFound bounds how many servers are remembered: anybody on the link can answer to mDNS.
const maxFound = 16

// found are the servers that were discovered, without those that are known anyway. The latest stands first.
type found struct {
	known []string

	mu        sync.Mutex
	addresses []string
	some      chan struct{} // closed when addresses is not empty any more
}

func newFound(servers []spec.Server) *found {
	f := &found{some: make(chan struct{})}
	for _, s := range servers {
		f.known = append(f.known, s.NBD)
	}
	return f
}

func (f *found) add(address string) {
	if slices.Contains(f.known, address) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.addresses) == 0 {
		close(f.some)
	}
	f.addresses = slices.DeleteFunc(f.addresses, func(a string) bool { return a == address })
	f.addresses = append([]string{address}, f.addresses[:min(len(f.addresses), maxFound-1)]...)
}

// dial connects to the first that can be reached; before one was found, it waits. What a server delivers is verified, so
// it need not be trusted.
func (f *found) dial(ctx context.Context, export string) (block.Conn, error) {
	select {
	case <-f.some:
	case <-ctx.Done():
		return nil, fmt.Errorf("none was found yet: %w", ctx.Err())
	}
	f.mu.Lock()
	addresses := slices.Clone(f.addresses)
	f.mu.Unlock()
	var errs []error
	for _, a := range addresses {
		conn, err := dial(ctx, a, export, foundTime)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
