package main

import (
	"context"
	"fmt"
	"path/filepath"

	"viver/testing/lab"
)

// openLocal makes machines on whose disks the image is installed.
func openLocal(ctx context.Context, w *workshop) (system, error) {
	initrd, err := plain{attach: "attach-local", modules: []string{"virtio_pci", "virtio_blk"}}.make(ctx, w.image)
	if err != nil {
		return nil, err
	}
	disk, err := installedDisk(ctx, filepath.Join(w.cache, "bench-disk"), w.image, initrd, lab.Arguments)
	if err != nil {
		return nil, err
	}
	machines := w.machines()
	for i := range machines {
		copied := filepath.Join(w.dir, fmt.Sprintf("disk%d.raw", i))
		if err := copyFile(copied, disk); err != nil {
			return nil, err
		}
		machines[i].Disk, machines[i].BootDisk = copied, true
	}
	return newPeer(ctx, local, w.dir, machines)
}
