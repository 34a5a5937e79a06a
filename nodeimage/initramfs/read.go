package initramfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Read returns the entries of one uncompressed archive, as Write makes it. Owners, times, inode numbers and hard links are not kept. The
// entries' Data are parts of data. After the trailer only zero bytes may follow.
func Read(data []byte) ([]Entry, error) {
	r := reader{left: data}
	var entries []Entry
	for {
		at := len(data) - len(r.left)
		e, err := r.next()
		if err != nil {
			return nil, fmt.Errorf("initramfs: read: entry at byte %d: %w", at, err)
		}
		if e.Name == trailer {
			break
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("initramfs: read %q: %w", e.Name, err)
		}
		entries = append(entries, e)
	}
	if len(bytes.Trim(r.left, "\x00")) > 0 {
		return nil, errors.New("initramfs: read: something follows the archive")
	}
	return entries, nil
}

type reader struct{ left []byte }

// take returns the next n bytes and skips the padding after them; before is how many bytes stand between them and the last
// multiple of 4.
func (r *reader) take(n uint32, before int) ([]byte, error) {
	if uint64(n) > uint64(len(r.left)) {
		return nil, fmt.Errorf("%d bytes are missing", uint64(n)-uint64(len(r.left)))
	}
	out := r.left[:n:n]
	r.left = r.left[n:]
	r.left = r.left[min(padding(before+int(n)), len(r.left)):]
	return out, nil
}

func (r *reader) next() (Entry, error) {
	fields, err := r.header()
	if err != nil {
		return Entry{}, err
	}
	name, err := r.take(fields[11], headerSize)
	if err != nil {
		return Entry{}, fmt.Errorf("name: %w", err)
	}
	end := bytes.IndexByte(name, 0)
	if end < 0 || end != len(name)-1 {
		return Entry{}, errors.New("the name does not end with its only NUL")
	}
	e := Entry{Name: string(name[:end]), Major: fields[9], Minor: fields[10]}
	if e.Name == trailer {
		return e, nil
	}
	if e.Data, err = r.take(fields[6], 0); err != nil {
		return Entry{}, fmt.Errorf("%q: %w", e.Name, err)
	}
	e.Mode, err = fileMode(fields[1])
	return e, err
}

func (r *reader) header() (fields [13]uint32, err error) {
	if len(r.left) < headerSize {
		return fields, errors.New("the archive ends without a trailer")
	}
	if string(r.left[:len(magic)]) != magic {
		return fields, fmt.Errorf("it starts with %q, not with %s", r.left[:len(magic)], magic)
	}
	for i := range fields {
		digits := r.left[len(magic)+8*i:][:8]
		n, err := strconv.ParseUint(string(digits), 16, 32)
		if err != nil {
			return fields, fmt.Errorf("%q is not a number in hexadecimal digits", digits)
		}
		fields[i] = uint32(n)
	}
	r.left = r.left[headerSize:]
	return fields, nil
}
