package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"viver/testing/lab"
)

// look is the time between two looks at a machine from outside, and so the error of all times.
const look = 20 * time.Millisecond

// follow calls line with each line of a machine's serial console, without its end, and with the time at which it came, until line returns
// true. The file need not be there yet.
func follow(ctx context.Context, path string, line func(text []byte, at time.Time) (done bool)) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var offset int64
	for {
		data, err := readFrom(path, offset)
		if err != nil {
			return err
		}
		at := time.Now()
		for {
			text, _, whole := bytes.Cut(data, []byte("\n"))
			if !whole {
				break
			}
			offset += int64(len(text)) + 1
			data = data[len(text)+1:]
			if line(bytes.TrimRight(text, "\r"), at) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// readFrom reads a file from an offset on; a file that is not there has nothing.
func readFrom(path string, offset int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, max(0, info.Size()-offset))
	n, err := f.ReadAt(data, offset)
	if n < len(data) {
		return nil, err
	}
	return data, nil
}

// powerOn switches a machine on, and returns when. Its last console log is gone then.
func powerOn(ctx context.Context, l *lab.Lab, m *lab.Machine) (time.Time, error) {
	if err := os.Remove(m.SerialLog()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	begin := time.Now()
	return begin, l.PowerOn(ctx, m.Name)
}

// kernelSays is in the first line that Linux prints.
var kernelSays = []byte("] Linux version ")

// lastWords adds to err what the machine printed last.
func lastWords(err error, m *lab.Machine) error {
	if err == nil {
		return nil
	}
	data, _ := os.ReadFile(m.SerialLog())
	return fmt.Errorf("%s: %w; it said last:\n%s", m.Name, err, data[max(0, len(data)-1000):])
}
