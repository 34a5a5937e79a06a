package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/build/bootfiles"
	"viver/nodeimage/spec"
)

// epoch is the time that files get which were made or changed by a build, so that two builds of the same packages are equal. Files keep
// the times which their packages gave them: Python, for one, would compile each of its modules again if they were set to another.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// tick is how far the clock of file systems may stand behind the kernel's: one timer interrupt.
const tick = 10 * time.Millisecond

// seal takes out of a tree what does not belong in an image, and sets the times of what was changed after start.
func seal(tree string, start time.Time) error {
	t, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := errors.Join(scrub(t), mask(t), makeHostKeys(t)); err != nil {
		return err
	}
	start = start.Add(-tick)
	stamp := []unix.Timespec{{Sec: epoch.Unix()}, {Sec: epoch.Unix()}}
	return filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().Before(start) {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, stamp, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// squashPercent finds "[====   ] 1234/5678  21%".
var squashPercent = regexp.MustCompile(`\d+/\d+\s+(\d+)%$`)

// squash makes the squashfs of a tree, and returns its chunks. The tree stays exportable by NFS, and keeps extended attributes. What a
// boot reads stands first, side by side: machines read by whole chunks.
func (b *Builder) squash(ctx context.Context, src Source, tree, file string) (spec.Root, error) {
	b.say("compressing the root")
	first, err := bootfiles.List(tree)
	if err != nil {
		return spec.Root{}, fmt.Errorf("order the root's files: %w", err)
	}
	order := file + ".order"
	if err := writeOrder(order, first); err != nil {
		return spec.Root{}, err
	}
	defer os.Remove(order)
	last := 0
	err = b.run(ctx, tool{
		name: "mksquashfs",
		args: []string{
			"mksquashfs", tree, file, "-comp", "zstd", "-Xcompression-level", strconv.Itoa(src.Compression),
			"-noappend", "-mkfs-time", strconv.FormatInt(epoch.Unix(), 10), "-sort", order,
		},
		line: func(line string) {
			if m := squashPercent.FindStringSubmatch(line); m != nil {
				if n, err := strconv.Atoi(m[1]); err == nil && n >= last+10 {
					last = n - n%10
					b.say("compressing the root: %d %%", last)
				}
			}
		},
	})
	if err != nil {
		return spec.Root{}, err
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return spec.Root{}, err
	}
	root, err := chunks(ctx, f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return spec.Root{}, fmt.Errorf("squashfs: %w", err)
	}
	size, err := bootfiles.Compressed(tree, first)
	if err != nil {
		return spec.Root{}, fmt.Errorf("what is read at boot: %w", err)
	}
	root.Boot = min(int((size+spec.ChunkSize-1)/spec.ChunkSize), len(root.Chunks))
	return root, nil
}

// writeOrder writes what mksquashfs calls a sort file: these files get a higher priority than all others.
func writeOrder(file string, names []string) error {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t")
	for _, name := range names {
		if !strings.Contains(name, "\n") { // one line names one file
			fmt.Fprintf(&b, "%s 1\n", escape.Replace(name))
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
