package initramfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"viver/nodeimage/initramfs"
)

const dep = `kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/net/core/failover.ko:
kernel/drivers/net/ethernet/realtek/r8169.ko.xz: kernel/drivers/net/mii.ko.gz
kernel/drivers/net/mii.ko.gz:
kernel/drivers/net/phy/realtek.ko.zst:
kernel/drivers/net/wireless/wifi.ko:
kernel/fs/ext4/ext4.ko:
kernel/crypto/crc32c-generic.ko:
`

const softdep = `# from the modules
softdep r8169 pre: realtek absent
softdep ext4 crypto-crc32c
softdep wifi post: other
`

const aliases = `alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169
alias virtio:d00000001v* virtio_net
alias crypto-crc32c crc32c_generic
alias pci:wifi wifi
`

func pack(t testing.TB, w func(io.Writer) (io.WriteCloser, error), data string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	c, err := w(&b)
	if err == nil {
		_, err = io.WriteString(c, data)
	}
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func tree(t testing.TB) fstest.MapFS {
	const dir = "lib/modules/6.1/"
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		dir + "modules.dep":                        text(dep),
		dir + "modules.softdep":                    text(softdep),
		dir + "modules.alias":                      text(aliases),
		dir + "modules.builtin":                    text("kernel/net/packet/af_packet.ko\n"),
		dir + "kernel/drivers/net/virtio_net.ko":   text("virtio_net"),
		dir + "kernel/drivers/net/net_failover.ko": text("net_failover"),
		dir + "kernel/net/core/failover.ko":        text("failover"),
		dir + "kernel/drivers/net/mii.ko.gz": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			return gzip.NewWriter(w), nil
		}, "mii"),
		dir + "kernel/drivers/net/phy/realtek.ko.zst": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w)
		}, "realtek"),
		dir + "kernel/drivers/net/ethernet/realtek/r8169.ko.xz": pack(t, func(w io.Writer) (io.WriteCloser, error) {
			return xz.NewWriter(w)
		}, "r8169\x00firmware=rtl_nic/rtl8168.fw\x00firmware=rtl_nic/absent.fw\x00firmware=../../etc/shadow\x00"),
		dir + "kernel/fs/ext4/ext4.ko":              text("ext4"),
		dir + "kernel/crypto/crc32c-generic.ko":     text("crc32c"),
		"lib/firmware/rtl_nic/rtl8168.fw.zst":       pack(t, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }, "blob"),
		"lib/firmware/rtl_nic/nobody_asks.fw":       text("blob"),
		dir + "kernel/drivers/net/wireless/wifi.ko": text("wifi"),
	}
}

func TestKernel(t *testing.T) {
	entries, err := initramfs.Kernel(tree(t), "6.1")
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for name, e := range read(t, write(t, entries)) {
		if e.Mode.IsRegular() {
			got[name] = string(e.Data)
		}
	}
	const dir = "lib/modules/6.1/"
	want := map[string]string{
		dir + "kernel/drivers/net/virtio_net.ko":             "virtio_net",
		dir + "kernel/drivers/net/net_failover.ko":           "net_failover",
		dir + "kernel/net/core/failover.ko":                  "failover",
		dir + "kernel/drivers/net/mii.ko":                    "mii",
		dir + "kernel/drivers/net/phy/realtek.ko":            "realtek",
		dir + "kernel/drivers/net/ethernet/realtek/r8169.ko": got[dir+"kernel/drivers/net/ethernet/realtek/r8169.ko"],
		dir + "kernel/fs/ext4/ext4.ko":                       "ext4",
		dir + "kernel/crypto/crc32c-generic.ko":              "crc32c",
		dir + "modules.builtin":                              "kernel/net/packet/af_packet.ko\n",
		dir + "modules.softdep":                              "softdep r8169 pre: realtek absent post:\nsoftdep ext4 pre: crypto-crc32c post:\n",
		dir + "modules.alias":                                strings.TrimSuffix(aliases, "alias pci:wifi wifi\n"),
		dir + "modules.dep":                                  got[dir+"modules.dep"],
		"lib/firmware/rtl_nic/rtl8168.fw":                    "blob",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got[dir+"kernel/drivers/net/ethernet/realtek/r8169.ko"], "r8169\x00") {
		t.Error("r8169 was not unpacked")
	}
	if !strings.Contains(got[dir+"modules.dep"], "kernel/drivers/net/ethernet/realtek/r8169.ko: kernel/drivers/net/mii.ko\n") {
		t.Errorf("modules.dep does not name the unpacked files:\n%s", got[dir+"modules.dep"])
	}
}

func TestClosureOrder(t *testing.T) {
	m := modules(t, tree(t))
	got, err := m.Closure("kernel/drivers/net/virtio_net.ko", "kernel/drivers/net/ethernet/realtek/r8169.ko.xz", "kernel/fs/ext4/ext4.ko")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kernel/net/core/failover.ko", "kernel/drivers/net/net_failover.ko", "kernel/drivers/net/virtio_net.ko",
		"kernel/drivers/net/phy/realtek.ko.zst", "kernel/drivers/net/mii.ko.gz", "kernel/drivers/net/ethernet/realtek/r8169.ko.xz",
		"kernel/crypto/crc32c-generic.ko", "kernel/fs/ext4/ext4.ko",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKernelRefuses(t *testing.T) {
	const dir = "lib/modules/6.1/"
	if _, err := initramfs.Kernel(tree(t), "6.2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a release without modules: %v", err)
	}
	if _, err := initramfs.Kernel(tree(t), "../6.1"); err == nil || !strings.Contains(err.Error(), "no kernel release") {
		t.Error("a release that leads out of the folder was taken")
	}
	for want, spoil := range map[string]func(fstest.MapFS){
		"kernel modules: depmod: modules.dep, line 1": func(m fstest.MapFS) { m[dir+"modules.dep"].Data = []byte("kernel/a.ko\n") },
		"failover.ko is not in modules": func(m fstest.MapFS) {
			m[dir+"modules.dep"].Data = []byte(strings.ReplaceAll(dep, "kernel/net/core/failover.ko:\n", ""))
		},
		"unpack kernel/drivers/net/mii.ko": func(m fstest.MapFS) { m[dir+"kernel/drivers/net/mii.ko.gz"].Data = []byte("mii") },
		"virtio_net.ko: file does not":     func(m fstest.MapFS) { delete(m, dir+"kernel/drivers/net/virtio_net.ko") },
	} {
		m := tree(t)
		spoil(m)
		if _, err := initramfs.Kernel(m, "6.1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func modules(t testing.TB, tree fs.FS) *initramfs.Modules {
	t.Helper()
	folder, err := fs.Sub(tree, "lib/modules/6.1")
	if err != nil {
		t.Fatal(err)
	}
	m, err := initramfs.ReadModules(folder)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// FuzzModules checks that what can be read has a closure without doubles, or says what is missing.
func FuzzModules(f *testing.F) {
	f.Add(dep, softdep, aliases)
	f.Add("a.ko: b.ko\nb.ko: a.ko\n", "softdep a post: b\nsoftdep b pre: a\n", "")
	f.Fuzz(func(t *testing.T, dep, soft, alias string) {
		m, err := initramfs.ReadModules(fstest.MapFS{
			"modules.dep":     {Data: []byte(dep)},
			"modules.softdep": {Data: []byte(soft)},
			"modules.alias":   {Data: []byte(alias)},
		})
		if err != nil {
			return
		}
		files := m.Files()
		order, err := m.Closure(files...)
		if err != nil {
			return
		}
		slices.Sort(order)
		if !slices.Equal(order, files) {
			t.Errorf("the closure of all is %q, not %q", order, files)
		}
	})
}
