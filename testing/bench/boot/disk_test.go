package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"viver/testing/lab"
)

// partx(8) finds the partitions where they were put, and GRUB is left whole but for the table.
func TestFirstSectors(t *testing.T) {
	grub := bytes.Repeat([]byte("G"), 3*sector)
	got := firstSectors(grub, 1000)
	if len(got) != firstPartition*sector || !bytes.Equal(got[:440], grub[:440]) || !bytes.Equal(got[sector:3*sector], grub[sector:]) {
		t.Error("GRUB is damaged")
	}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, append(got, make([]byte, (bootSectors+1000)*sector)...), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "partx", "--raw", "--noheadings", "--output", "START,SECTORS,TYPE", disk).CombinedOutput()
	if err != nil || string(out) != "2048 98304 0x83\n100352 1000 0x83\n" {
		t.Errorf("the table is %q, %v", out, err)
	}
}

func TestDiskIsMadeOfWhatItBoots(t *testing.T) {
	for _, name := range []string{"grub-mkimage", "mke2fs"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	img := image{root: filepath.Join(dir, "root"), kernel: filepath.Join(dir, "kernel"), manifest: manifestOf(4096)}
	for path, text := range map[string]string{img.root: strings.Repeat("root", 1024), img.kernel: "the kernel"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(dir, "disks")
	first := install(t, folder, img, "the initramfs")
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	boot := data[firstPartition*sector : (firstPartition+bootSectors)*sector]
	if !bytes.HasSuffix(data, []byte(strings.Repeat("root", 1024))) || !bytes.Contains(boot, []byte("the kernel")) || !bytes.Contains(boot, []byte("the initramfs")) {
		t.Error("something is missing on the disk")
	}
	if again := install(t, folder, img, "the initramfs"); again != first {
		t.Errorf("the same became another disk: %s, %s", again, first)
	}
	if other := install(t, folder, img, "another"); other == first {
		t.Error("another initramfs became the same disk")
	}
	if _, err := os.Stat(first); err == nil {
		t.Error("the old disk was kept")
	}
}

func install(t *testing.T, folder string, img image, initrd string) string {
	t.Helper()
	disk, err := installedDisk(context.Background(), folder, img, []byte(initrd), lab.Arguments)
	if err != nil {
		t.Fatal(err)
	}
	return disk
}
