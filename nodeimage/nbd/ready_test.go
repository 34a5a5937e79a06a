package nbd_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"viver/nodeimage/nbd"
)

// half is a device whose first half is at hand; reading it as if it were not is an error.
type half struct{ data []byte }

func (d half) Size() int64 { return int64(len(d.data)) }

func (d half) ReadNow(p []byte, off int64) bool {
	return off+int64(len(p)) <= d.Size()/2 && copy(p, d.data[off:]) == len(p)
}

func (d half) ReadAt(_ context.Context, p []byte, off int64) error {
	if off+int64(len(p)) <= d.Size()/2 {
		return errors.New("it was at hand")
	}
	copy(p, d.data[off:])
	return nil
}

func TestReadyBytesAreReadNow(t *testing.T) {
	data := content(1 << 20)
	client := dial(t, serve(t, map[string]nbd.Device{"half": half{data}}), "half")
	for off := 0; off < len(data); off += 64 << 10 {
		p := make([]byte, 64<<10)
		if err := client.ReadAt(t.Context(), p, int64(off)); err != nil || !bytes.Equal(p, data[off:off+len(p)]) {
			t.Errorf("at %d: %v", off, err)
		}
	}
}
