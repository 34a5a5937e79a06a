package facts_test

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/facts"
	"viver/nodeimage/spec"
)

// tree is a machine as its kernel shows it: files by name, links by "name@".
func tree(files map[string]string) fstest.MapFS {
	t := fstest.MapFS{}
	for name, content := range files {
		mode := fs.FileMode(0o444)
		if last := len(name) - 1; name[last] == '@' {
			name, mode = name[:last], 0o777|fs.ModeSymlink
		}
		t[name] = &fstest.MapFile{Data: []byte(content), Mode: mode}
	}
	return t
}

func virtualMachine() fstest.MapFS {
	return tree(map[string]string{
		"proc/cpuinfo":                                  "processor\t: 0\nmodel name\t: QEMU TCG CPU\n\nprocessor\t: 1\nmodel name\t: QEMU TCG CPU\n",
		"proc/meminfo":                                  "MemTotal:        1005672 kB\nMemFree: 1 kB\n",
		"proc/sys/kernel/arch":                          "x86_64\n",
		"proc/sys/kernel/osrelease":                     "6.1.0-56-amd64\n",
		"proc/sys/kernel/random/boot_id":                "0f3a\n",
		"sys/class/dmi/id/sys_vendor":                   "QEMU\n",
		"sys/class/dmi/id/product_name":                 "Standard PC\n",
		"sys/class/dmi/id/product_uuid":                 "ABCD-EF\n",
		"sys/block/nbd0/size":                           "800\n",
		"sys/block/sr0/size":                            "800\n",
		"sys/block/sr0/device/model":                    "DVD",
		"sys/block/sdb/size":                            "0\n", // a card reader without a card
		"sys/block/sdb/device/model":                    "Reader",
		"sys/block/sda/size":                            "2048\n",
		"sys/block/sda/removable":                       "1\n",
		"sys/block/sda/device/model":                    "USB stick       \n",
		"sys/class/net/lo/address":                      "00:00:00:00:00:00\n",
		"sys/class/net/eth0/address":                    "52:54:00:12:34:56\n",
		"sys/class/net/eth0/carrier":                    "1\n",
		"sys/class/net/eth0/device/driver@":             "../../../../bus/virtio/drivers/virtio_net",
		"sys/bus/pci/devices/0000:00:01.0/class":        "0x030000\n",
		"sys/bus/pci/devices/0000:00:01.0/vendor":       "0x1234\n",
		"sys/bus/pci/devices/0000:00:01.0/device":       "0x1111\n",
		"sys/bus/pci/devices/0000:00:01.0/driver@":      "../../../bus/pci/drivers/bochs-drm",
		"sys/bus/pci/devices/0000:00:02.0/class":        "0x020000\n",
		"sys/firmware/efi/fw_platform_size":             "64\n",
		"sys/bus/pci/devices/0000:00:03.0/class":        "0x038000\n",
		"sys/bus/pci/devices/0000:00:03.0/vendor":       "0x10de\n",
		"sys/bus/pci/devices/0000:00:03.0/device":       "0x1234\n",
		"sys/bus/virtio/drivers/virtio_net/module/what": "",
	})
}

func TestCollect(t *testing.T) {
	want := spec.Facts{
		Architecture: "x86_64", Kernel: "6.1.0-56-amd64", CPU: "QEMU TCG CPU", Cores: 2, MemoryBytes: 1005672 << 10,
		Vendor: "QEMU", Product: "Standard PC", UUID: "abcd-ef",
		Disks:      []spec.Disk{{Name: "sda", SizeBytes: 1 << 20, Model: "USB stick", Removable: true}},
		Interfaces: []spec.Interface{{Name: "eth0", MAC: "52:54:00:12:34:56", Driver: "virtio_net", Up: true}},
		Graphics:   []string{"1234:1111 bochs-drm", "10de:1234"},
	}
	if diff := cmp.Diff(want, facts.Collect(virtualMachine())); diff != "" {
		t.Error(diff)
	}
}

func TestHowItWasStarted(t *testing.T) {
	m := virtualMachine()
	if id, firmware := facts.BootID(m), facts.Firmware(m); id != "0f3a" || firmware != "uefi" {
		t.Errorf("boot ID %q, firmware %q", id, firmware)
	}
	if firmware := facts.Firmware(tree(nil)); firmware != "bios" {
		t.Errorf("a machine without EFI has the firmware %q", firmware)
	}
}

func TestNothingToRead(t *testing.T) {
	got := facts.Collect(tree(nil))
	if got.Architecture == "" {
		t.Error("architecture is empty where the kernel has no file for it")
	}
	got.Architecture = ""
	if diff := cmp.Diff(spec.Facts{}, got); diff != "" {
		t.Error(diff)
	}
}

func TestThisMachine(t *testing.T) {
	got := facts.Collect(os.DirFS("/"))
	if got.Kernel == "" || got.Cores == 0 || got.MemoryBytes < 1<<20 {
		t.Errorf("%+v", got)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add("processor: 0", "MemTotal: 1 kB", "2048")
	f.Add("\n:\n", "MemTotal: -9223372036854775808 kB", "99999999999999999999")
	f.Fuzz(func(t *testing.T, cpuinfo, meminfo, size string) {
		got := facts.Collect(tree(map[string]string{
			"proc/cpuinfo": cpuinfo, "proc/meminfo": meminfo, "sys/block/sda/size": size, "sys/block/sda/device/model": size,
		}))
		if got.MemoryBytes < 0 || got.Cores < 0 {
			t.Errorf("%+v", got)
		}
		for _, d := range got.Disks {
			if d.SizeBytes < 512 {
				t.Errorf("%+v", d)
			}
		}
	})
}

func TestAvailableMemory(t *testing.T) {
	meminfo := func(text string) fstest.MapFS { return fstest.MapFS{"proc/meminfo": {Data: []byte(text)}} }
	const text = "MemTotal:        1005672 kB\nMemFree:          512000 kB\nMemAvailable:     700000 kB\n"
	if got := facts.AvailableMemory(meminfo(text)); got != 700000<<10 {
		t.Error(got)
	}
	for _, bad := range []string{"", "MemFree: 3 kB\n", "MemAvailable: much\n"} {
		if got := facts.AvailableMemory(meminfo(bad)); got != 0 {
			t.Errorf("%q: %d", bad, got)
		}
	}
}
