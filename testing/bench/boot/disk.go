package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/renameio/v2"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
)

const (
	sector  = 512
	grubDir = "/usr/lib/grub/i386-pc"
	// firstPartition is the first sector behind the gap in which GRUB lives, by custom.
	firstPartition = 2048
	bootSectors    = 48 << 20 / sector // of the partition with kernel and initramfs
	diskVersion    = 1                 // counted up when another disk is made of the same files
)

// grubConfig boots without a menu: an installed machine usually waits five seconds here.
const grubConfig = `set root=(hd0,msdos1)
set gfxpayload=text
linux /vmlinuz %s
initrd /initrd
boot
`

// grubModules are what GRUB needs for that.
var grubModules = []string{"biosdisk", "part_msdos", "ext2", "linux", "boot"}

// installedDisk returns the path of a raw disk on which the image is installed: GRUB, a partition with kernel and initramfs, and one
// that is the root. It is made once for each content, and kept in the folder.
func installedDisk(ctx context.Context, folder string, img image, initrd []byte, arguments string) (string, error) {
	key := spec.DigestOf(fmt.Append(nil, diskVersion, img.manifest.Root, img.manifest.Files[imagestore.FileKernel], spec.DigestOf(initrd), arguments))
	name, err := key.Hex()
	if err != nil {
		return "", err
	}
	disk := filepath.Join(folder, name+".raw")
	if _, err := os.Stat(disk); !errors.Is(err, fs.ErrNotExist) {
		return disk, err
	}
	say("installing the image on a disk")
	if err := os.RemoveAll(folder); err != nil { // disks of other contents, which nobody uses any more
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	return disk, makeDisk(ctx, disk, img, initrd, arguments)
}

func makeDisk(ctx context.Context, disk string, img image, initrd []byte, arguments string) (err error) {
	work, err := os.MkdirTemp("", "viver-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	grub, err := grubImage(ctx, work, arguments)
	if err != nil {
		return err
	}
	boot, err := bootPartition(ctx, work, img.kernel, initrd)
	if err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(disk)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if _, err := f.Write(firstSectors(grub, img.manifest.Root.Size/sector)); err != nil {
		return err
	}
	for _, partition := range []string{boot, img.root} {
		if err := appendFile(f, partition); err != nil {
			return err
		}
	}
	return f.CloseAtomicallyReplace()
}

// grubImage returns GRUB as it stands on a disk from the first sector on: the boot sector and the core, which is loaded by it.
func grubImage(ctx context.Context, work, arguments string) ([]byte, error) {
	config, core := filepath.Join(work, "grub.cfg"), filepath.Join(work, "core.img")
	if err := os.WriteFile(config, fmt.Appendf(nil, grubConfig, arguments), 0o644); err != nil {
		return nil, err
	}
	args := append([]string{"-O", "i386-pc", "-d", grubDir, "-p", "/", "-c", config, "-o", core}, grubModules...)
	if err := tool(ctx, "grub-mkimage", args...); err != nil {
		return nil, fmt.Errorf("%w (apt-get install grub-pc-bin)", err)
	}
	first, err := os.ReadFile(filepath.Join(grubDir, "boot.img"))
	if err != nil {
		return nil, err
	}
	rest, err := os.ReadFile(core)
	if err == nil && (len(first) != sector || len(rest) > (firstPartition-1)*sector) {
		err = fmt.Errorf("GRUB has a boot sector of %d bytes and %d others, which do not fit before the first partition", len(first), len(rest))
	}
	return append(first, rest...), err
}

// bootPartition returns the path of an ext4 file system with kernel and initramfs.
func bootPartition(ctx context.Context, work, kernel string, initrd []byte) (string, error) {
	tree, partition := filepath.Join(work, "tree"), filepath.Join(work, "boot.ext4")
	data, err := os.ReadFile(kernel)
	if err != nil {
		return "", err
	}
	err = errors.Join(
		os.Mkdir(tree, 0o755),
		os.WriteFile(filepath.Join(tree, "vmlinuz"), data, 0o644),
		os.WriteFile(filepath.Join(tree, "initrd"), initrd, 0o644),
		os.WriteFile(partition, nil, 0o644),
		os.Truncate(partition, bootSectors*sector),
	)
	if err != nil {
		return "", err
	}
	return partition, tool(ctx, "mke2fs", "-q", "-t", "ext4", "-d", tree, partition)
}

// firstSectors returns what stands before the first partition: GRUB, and in its first sector the table of the two partitions, at byte
// 446 ("MBR"). Each entry has 16 bytes; what is left zero here belongs to cylinders, heads and sectors of long ago.
func firstSectors(grub []byte, rootSectors int64) []byte {
	out := make([]byte, firstPartition*sector)
	copy(out, grub)
	table := out[446:510]
	clear(table)
	next := uint32(firstPartition)
	for i, sectors := range []uint32{bootSectors, uint32(rootSectors)} {
		entry := table[16*i:]
		entry[4] = 0x83 // Linux
		binary.LittleEndian.PutUint32(entry[8:], next)
		binary.LittleEndian.PutUint32(entry[12:], sectors)
		next += sectors
	}
	table[0] = 0x80 // active
	out[510], out[511] = 0x55, 0xaa
	return out
}

func appendFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// copyFile makes a copy of a disk, for one machine.
func copyFile(to, from string) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(appendFile(f, from), f.Close())
}

func tool(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}
