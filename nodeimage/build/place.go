package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"viver/nodeimage/mountinfo"
)

const lockSuffix = ".lock"

// place is a folder below CACHE/work that belongs to this build alone.
type place struct {
	dir  string
	lock *flock.Flock
}

// occupy waits for the place with this key, and empties it. It ends with leave, or with the process.
func (b *Builder) occupy(ctx context.Context, key string) (*place, error) {
	dir := filepath.Join(b.Cache, "work", key)
	p := &place{dir: dir, lock: flock.New(dir + lockSuffix)}
	ok, err := p.lock.TryLock()
	if err == nil && !ok {
		b.say("waiting for another build of the same image")
		_, err = p.lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), p.lock.Close())
	}
	if err := errors.Join(removeTree(dir), os.Mkdir(dir, 0o755)); err != nil {
		return nil, errors.Join(fmt.Errorf("make a place to work: %w", err), p.lock.Close())
	}
	return p, nil
}

// leave removes the folder.
func (p *place) leave() error { return errors.Join(removeTree(p.dir), p.lock.Close()) }

// sweep removes what builds that were killed left in CACHE/work.
func (b *Builder) sweep() error {
	entries, err := os.ReadDir(filepath.Join(b.Cache, "work"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		work := filepath.Join(b.Cache, "work", e.Name())
		l := flock.New(work + lockSuffix)
		ok, err := l.TryLock()
		if ok {
			err = removeTree(work)
		}
		if err := errors.Join(err, l.Close()); err != nil {
			return fmt.Errorf("remove what an earlier build left: %w", err)
		}
	}
	return nil
}

// removeTree removes a folder. Tools work in mount namespaces of their own, so that nothing should be mounted in it; still it looks, for
// a file system that is mounted there would lose its files.
func removeTree(dir string) error {
	points, err := mountinfo.Below(dir)
	if err != nil {
		return err
	}
	for _, point := range points {
		if err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return os.RemoveAll(dir)
}

// publish gives a finished folder its name, durably.
func publish(from, to string) error {
	if err := syncPath(from); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

// writeSynced writes a new file and waits until it is on the disk.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// refuseInside refuses to copy a tree into itself.
func refuseInside(tree, cache string) error {
	if tree == "" {
		return nil
	}
	real, err := filepath.EvalSymlinks(tree)
	if err != nil {
		return err
	}
	realCache, err := filepath.EvalSymlinks(cache)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(real, realCache); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("the cache %s lies in the tree: put it elsewhere", cache)
	}
	return nil
}

// explain adds what to do to errors that a full disk brings.
func explain(err error, cache string) error {
	full := errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || strings.Contains(err.Error(), unix.ENOSPC.Error()) ||
		strings.Contains(err.Error(), "No space left on device")
	if !full {
		return err
	}
	return fmt.Errorf("the disk with %s or the image store is full (a Debian root needs about 2 GB while it is made): %w", cache, err)
}
