package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// CounterPath is where the disk's process counts the bytes that it has read over the network, for the agent to report.
const CounterPath = "/viver/run/bytes_read"

// Counter is a number in a file: eight bytes, the highest first, which are always written at once.
type Counter struct{ file *os.File }

// OpenCounter opens a counter, and makes it if it is not there. Close must be called.
func OpenCounter(path string) (*Counter, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("counter: %w", err)
	}
	return &Counter{f}, nil
}

// Get returns the number; 0 if none was set yet.
func (c *Counter) Get() (int64, error) {
	var b [8]byte
	if _, err := c.file.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("counter: %w", err)
	}
	return int64(binary.BigEndian.Uint64(b[:])), nil
}

// Set sets the number.
func (c *Counter) Set(n int64) error {
	if _, err := c.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(n)), 0); err != nil {
		return fmt.Errorf("counter: %w", err)
	}
	return nil
}

// Close closes the file; the number stays.
func (c *Counter) Close() error { return c.file.Close() }
