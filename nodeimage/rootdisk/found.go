package rootdisk

import (
	"context"
	"errors"
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
}

func newFound(servers []spec.Server) *found {
	f := new(found)
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
	f.addresses = slices.DeleteFunc(f.addresses, func(a string) bool { return a == address })
	f.addresses = append([]string{address}, f.addresses[:min(len(f.addresses), maxFound-1)]...)
}

// dial connects to the first that can be reached. What it delivers is verified, so it need not be trusted.
func (f *found) dial(ctx context.Context, export string) (block.Conn, error) {
	f.mu.Lock()
	addresses := slices.Clone(f.addresses)
	f.mu.Unlock()
	err := errors.New("none was found yet")
	for _, a := range addresses {
		conn, failed := dial(ctx, a, export)
		if failed == nil {
			return conn, nil
		}
		err = failed
	}
	return nil, err
}
