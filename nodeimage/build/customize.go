package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// enter makes the tree habitable, and runs the script that comes by standard input in it. The mounts are in a namespace of their own.
const enter = `set -e
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=0755 tmpfs run
cat >run/customize
exec chroot . /bin/sh -e /run/customize </dev/null`

// policy keeps services from being started by packages (invoke-rc.d(8)); systemctl does nothing in a chroot by itself.
const policy = "#!/bin/sh\nexit 101\n"

const (
	policyPath = "usr/sbin/policy-rc.d"
	resolver   = "etc/resolv.conf"
	asideName  = ".viver-aside" // suffix of a file that is put aside
)

// customize runs the source's script in the tree.
func (b *Builder) customize(ctx context.Context, src Source, tree string) error {
	if src.Customize == "" {
		return nil
	}
	t, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer t.Close()
	names, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, dir := range []string{"dev", "proc", "run", "sys", "etc", "usr/sbin"} {
		if err := t.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(lend(t, policyPath, policy, 0o755), lend(t, resolver, string(names), 0o644)); err != nil {
		return err
	}
	b.say("running the steps that are baked in")
	err = b.run(ctx, tool{
		name: "steps in the image", args: []string{"/bin/sh", "-c", enter, "sh", tree}, stdin: strings.NewReader(src.Customize),
		env: []string{"DEBIAN_FRONTEND=noninteractive", "INITRD=No"},
	})
	return errors.Join(err, takeBack(t, policyPath), takeBack(t, resolver))
}

// lend puts a file in the place of what the tree has there, which is put aside until takeBack.
func lend(t *os.Root, name, data string, mode fs.FileMode) error {
	if err := t.Rename(name, name+asideName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.WriteFile(name, []byte(data), mode); err != nil {
		return err
	}
	return t.Chmod(name, mode) // whatever the umask
}

func takeBack(t *os.Root, name string) error {
	if err := t.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.Rename(name+asideName, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
