package module

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"viver/nodeimage/depmod"
)

// Loader loads modules, each once. It is not safe for concurrent use.
type Loader struct {
	Index *Index
	// Insert gives one file, named as in modules.dep, to the kernel (see Insert). A file that is not there is fs.ErrNotExist.
	Insert func(file string) error

	tried map[string]bool
}

// Load loads modules by name, with those that they depend on first. Unknown ones are passed over: the kernel may have them
// built in. All are tried; the error joins what went wrong.
func (l *Loader) Load(names ...string) error {
	var errs []error
	for _, name := range names {
		name = depmod.Name(name)
		if l.tried[name] {
			continue
		}
		if l.tried == nil {
			l.tried = map[string]bool{}
		}
		l.tried[name] = true
		errs = append(errs, l.Load(l.Index.pre[name]...), l.insertAll(l.Index.files[name]), l.Load(l.Index.post[name]...))
	}
	return errors.Join(errs...)
}

// insertAll gives a module's files to the kernel from right to left: what a file needs stands behind it, and the other way
// round the kernel answers "Unknown symbol".
func (l *Loader) insertAll(files []string) error {
	for _, file := range slices.Backward(files) {
		err := l.Insert(file)
		if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("load kernel module %s: %w", depmod.Name(file), err)
		}
	}
	return nil
}

// Coldplug loads what the devices in sys ("/sys") ask for. A bus driver makes new devices known, so
// it looks again until nothing new is asked for. It returns the modaliases' modules that it tried, in order.
func (l *Loader) Coldplug(sys fs.FS) ([]string, error) {
	var all []string
	var errs []error
	for {
		fresh := l.wanted(sys)
		if len(fresh) == 0 {
			return all, errors.Join(errs...)
		}
		all = append(all, fresh...)
		errs = append(errs, l.Load(fresh...))
	}
}

// modaliases are where devices say what they are: those on a bus, and the computer itself as its SMBIOS describes it. The whole tree
// below /sys/devices, walked in each round, takes ten times as long.
func modaliases() [2]string { return [...]string{"bus/*/devices/*/modalias", "class/dmi/*/modalias"} }

// wanted returns the modules that devices ask for and that were not tried yet.
func (l *Loader) wanted(sys fs.FS) []string {
	var names []string
	for _, where := range modaliases() {
		files, _ := fs.Glob(sys, where) // the patterns are right, and there are no other errors
		for _, file := range files {
			data, err := fs.ReadFile(sys, file)
			if err != nil {
				continue // a device may go while we look
			}
			for _, name := range l.Index.Match(strings.TrimSpace(string(data))) {
				if name = depmod.Name(name); !l.tried[name] && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// Insert returns a Loader's Insert for the modules in dir. Compressed files are left to the kernel (since Linux 5.17).
func Insert(dir string) func(file string) error {
	return func(file string) error {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		defer f.Close()
		flags := 0
		if !strings.HasSuffix(file, ".ko") {
			flags = unix.MODULE_INIT_COMPRESSED_FILE
		}
		return unix.FinitModule(int(f.Fd()), "", flags)
	}
}
