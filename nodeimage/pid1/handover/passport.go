package handover

import (
	"context"
	"errors"
	"io/fs"

	"viver/nodeimage/spec"
)

// PassportPath is where the machine's passport lies, seen from the initramfs' root. Init writes the first one, the agent those that take its
// place, the disk's process reads them. There is none while no server has signed one.
const PassportPath = "/viver/run/passport.json"

// WritePassport puts a passport in place of the former one, at once and with mode 0600.
func WritePassport(path string, p spec.Passport) error { return write(path, p) }

// ReadPassport reads the passport. The error wraps fs.ErrNotExist if there is none.
func ReadPassport(path string) (p spec.Passport, err error) {
	err = read(path, &p)
	return p, err
}

// WatchPassport calls changed with the passport, if there is one, then with each that takes its place, until ctx ends: then it returns
// nil. It returns an error if it cannot go on.
func WatchPassport(ctx context.Context, path string, changed func(spec.Passport)) error {
	var last string
	return watch(ctx, path, func() error {
		p, err := ReadPassport(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && p.Chain != last {
			changed(p)
			last = p.Chain
		}
		return err
	})
}
