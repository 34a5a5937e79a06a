package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
)

// markedDisk makes a disk with five partitions: a file system that was not unmounted and has files to delete, which a mount would repair; one that is marked
// for data and swap, by somebody with Windows; swap of a system of its own; swap that is marked; and a marked file system that says something else.
const markedDisk = `
	truncate -s 320M "$1"
	printf 'label: gpt\nsize=64M\nsize=96M\nsize=32M\nsize=32M\nsize=64M\n' | sfdisk --quiet "$1"
	mkdir "$1.tree"
	printf 'scratch data\r\nswap 24M\r\n' >"$1.tree/viver-disk.txt"
	mke2fs -q -t ext4 -F -E offset=1048576 "$1" 64M
	debugfs -w -R 'feature needs_recovery' "$1?offset=1048576"
	debugfs -w -R 'set_super_value last_orphan 12' "$1?offset=1048576"
	mke2fs -q -t ext4 -F -d "$1.tree" -E offset=$((65 * 1048576)) "$1" 96M
	printf 'keep out\n' >"$1.tree/viver-disk.txt"
	mke2fs -q -t ext4 -F -d "$1.tree" -E offset=$((225 * 1048576)) "$1" 64M
	truncate -s 32M "$1.swap"
	mkswap --quiet "$1.swap"
	dd if="$1.swap" of="$1" bs=1M seek=161 conv=notrunc status=none
	mkswap --quiet --label viver-swap "$1.swap"
	dd if="$1.swap" of="$1" bs=1M seek=193 conv=notrunc status=none`

// swaps are what pc03 swaps to.
const swaps = "/dev/vda4\n/dev/zram0\n/run/viver/swap-vda2/viver-swap"

// partitions returns digests of the partitions that nobody may touch.
func (l *library) partitions(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(l.disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	digests := map[string]string{}
	for name, at := range map[string]struct{ start, size int64 }{
		"the file system of somebody else": {1, 64}, "the swap of somebody else": {161, 32}, "the file system that says something else": {225, 64},
	} {
		data := make([]byte, at.size<<20)
		if _, err := f.ReadAt(data, at.start<<20); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		digests[name] = hex.EncodeToString(sum[:])
	}
	return digests
}

func (l *library) checkDisks(ctx context.Context, t *testing.T) {
	if got := on(ctx, t, l.Room, "pc03", "swapon --noheadings --show=NAME | sort"); got != swaps {
		t.Errorf("pc03 swaps to\n%s", got)
	}
	if got := on(ctx, t, l.Room, "pc03", "ls /scratch; stat -c %a /scratch/data; findmnt -no SOURCE,FSTYPE /scratch/data; lsblk -nro NAME,MOUNTPOINT | grep -cE 'vda[135] /' || :"); got != "data\n1777\n/dev/vda2 ext4\n0" {
		t.Errorf("pc03 has\n%s", got)
	}
	on(ctx, t, l.Room, "pc03", "echo written before >/scratch/data/mine; sync")
	on(ctx, t, l.Room, "pc02", "test ! -e /scratch/data")
}

// checkEnd takes everything away: the marked file system is clean and keeps what a person has put there, all else is untouched.
func (l *library) checkEnd(ctx context.Context, t *testing.T) {
	if out, err := l.Run(ctx, "destroy", "--auto-approve"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := range l.Lab.Machines {
		waitOff(ctx, t, &l.Lab.Machines[i])
	}
	for name, digest := range l.partitions(t) {
		if digest != l.before[name] {
			t.Errorf("%s has changed", name)
		}
	}
	const look = `dd if="$1" of="$1.part" bs=1M skip=65 count=96 status=none && e2fsck -fn "$1.part" && debugfs -R 'cat /mine' "$1.part" 2>/dev/null | grep -x 'written before' &&
		! debugfs -R 'ls /' "$1.part" 2>/dev/null | grep viver-swap && ! debugfs -R features "$1.part" 2>/dev/null | grep needs_recovery`
	tool(ctx, t, "sh", "-c", look, "sh", l.disk)
}
