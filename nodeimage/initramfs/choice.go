package initramfs

import "strings"

// wanted lists what a machine may need before it has its root: folders (with a slash at the end) and single modules below kernel/.
// What they depend on is found by itself. Whatever else the hardware needs is loaded from the root later.
var wanted = []string{
	// The network that the machine boots from, and the buses that its cards hang on.
	"drivers/net/ethernet/",
	"drivers/net/phy/", // asked for by cards when they find their transceiver
	"drivers/net/mdio/",
	"drivers/net/hyperv/",
	"drivers/net/vmxnet3/",
	"drivers/net/virtio_net.ko",
	"drivers/net/xen-netfront.ko",
	"drivers/net/usb/asix.ko",
	"drivers/net/usb/aqc111.ko",
	"drivers/net/usb/ax88179_178a.ko",
	"drivers/net/usb/cdc_ether.ko",
	"drivers/net/usb/cdc_ncm.ko",
	"drivers/net/usb/lan78xx.ko",
	"drivers/net/usb/r8152.ko",
	"drivers/net/usb/smsc95xx.ko",
	"drivers/virtio/virtio_mmio.ko",
	"drivers/virtio/virtio_pci.ko",
	"drivers/pci/controller/",
	"drivers/usb/host/",
	"net/packet/af_packet.ko",

	// The root.
	"drivers/block/nbd.ko",
	"fs/squashfs/squashfs.ko",
	"fs/overlayfs/overlay.ko",

	// Local disks and sticks that carry viver's marker.
	"drivers/ata/ahci.ko",
	"drivers/ata/ata_generic.ko",
	"drivers/ata/ata_piix.ko",
	"drivers/block/virtio_blk.ko",
	"drivers/nvme/host/nvme.ko",
	"drivers/scsi/sd_mod.ko",
	"drivers/scsi/virtio_scsi.ko",
	"drivers/usb/storage/uas.ko",
	"drivers/usb/storage/usb-storage.ko",
	"fs/ext4/ext4.ko",
	"fs/fat/vfat.ko",
	"fs/nls/nls_ascii.ko",
	"fs/nls/nls_cp437.ko",
	"fs/nls/nls_iso8859-1.ko",
	"fs/nls/nls_utf8.ko",
}

// unwanted lists folders inside of wanted ones that no machine boots from: the chips of network switches.
var unwanted = []string{
	"drivers/net/ethernet/marvell/prestera/",
	"drivers/net/ethernet/mellanox/mlxsw/",
}

// Choose returns the modules for an initramfs, with all that they need, in an order in which they can be loaded. It is empty for a kernel
// that has everything built in.
func (m *Modules) Choose() ([]string, error) {
	var files []string
	for _, f := range m.Files() {
		if name, ok := strings.CutPrefix(plainName(f), "kernel/"); ok && matches(name, wanted) && !matches(name, unwanted) {
			files = append(files, f)
		}
	}
	return m.Closure(files...)
}

func matches(name string, list []string) bool {
	for _, l := range list {
		if name == l || !strings.HasSuffix(l, ".ko") && strings.HasPrefix(name, l) {
			return true
		}
	}
	return false
}
