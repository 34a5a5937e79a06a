// Package block turns blocks that come from somewhere into blocks that can be trusted: it verifies, caches and reads ahead
// (Verified), and asks the next server when one does not answer (Failover).
//
// It owns these decisions and no wire: how a server is reached is behind Source. A machine's root is stacked as
//
//	kernel -> Verified -> Failover -> one nbd.Client for each server
package block

import "context"

// Device is an array of bytes which cannot be changed. It is read from many goroutines at once.
type Device interface {
	// ReadAt fills p with the bytes from offset off, or returns an error. It does not touch p after it has returned.
	ReadAt(ctx context.Context, p []byte, off int64) error
	// Size returns the number of bytes; it does not change.
	Size() int64
}

// Fetcher gets bytes of which it cannot tell whether they are the right ones. It is called from many goroutines at once.
type Fetcher interface {
	// Fetch fills p with bytes from offset off for which check returns nil. When check refuses what one place delivers, another is
	// asked. Fetch does not touch p after it has returned.
	Fetch(ctx context.Context, p []byte, off int64, check func(p []byte) error) error
	// Size returns the number of bytes; it does not change.
	Size() int64
}
