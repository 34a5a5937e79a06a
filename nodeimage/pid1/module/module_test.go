package module_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/module"
)

const (
	dep = `kernel/drivers/net/virtio_net.ko: kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko
kernel/net/core/failover.ko:
kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio-pci.ko.xz: kernel/drivers/virtio/virtio.ko
kernel/drivers/net/r8169.ko: kernel/drivers/net/libphy.ko
kernel/drivers/net/realtek.ko: kernel/drivers/net/libphy.ko
`
	aliases = `# Aliases extracted from modules themselves.
alias virtio:d00000001v* virtio_net
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169
alias dmi*:svn*Acme*:pn*: acme
alias cpu:type:x86,ven*fam*mod*:feature:*00[0-9]D* crc
`
	softdep = "# Soft dependencies\nsoftdep r8169 pre: realtek post: later\nsoftdep alone\n"
)

func index(t testing.TB) *module.Index {
	t.Helper()
	x, err := module.ReadIndex(fstest.MapFS{
		"modules.dep": {Data: []byte(dep)}, "modules.alias": {Data: []byte(aliases)}, "modules.softdep": {Data: []byte(softdep)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestMatch(t *testing.T) {
	for modalias, want := range map[string][]string{
		"virtio:d00000001v00001AF4":                              {"virtio_net"},
		"virtio:d00000002v00001AF4":                              nil,
		"pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00":  {"virtio_pci"},
		"dmi:svnAcme:pn":                                         nil, // another bus: the index keeps them apart by what stands before the colon
		"cpu:type:x86,ven0000fam0006mod003A:feature:,0000,001D,": {"crc"},
		"": nil,
	} {
		if diff := cmp.Diff(want, index(t).Match(modalias)); diff != "" {
			t.Errorf("%s: %s", modalias, diff)
		}
	}
}

// kernel notes what it is given.
type kernel struct {
	inserted []string
	err      map[string]error
}

func (k *kernel) insert(file string) error {
	k.inserted = append(k.inserted, file[strings.LastIndexByte(file, '/')+1:])
	return k.err[file]
}

func TestLoadOrder(t *testing.T) {
	k := &kernel{err: map[string]error{"kernel/drivers/net/libphy.ko": unix.EEXIST, "kernel/net/core/failover.ko": fs.ErrNotExist}}
	l := module.Loader{Index: index(t), Insert: k.insert}
	if err := l.Load("virtio-net", "r8169", "r8169", "built_in"); err != nil {
		t.Fatal(err)
	}
	want := []string{"virtio.ko", "failover.ko", "virtio_net.ko", "libphy.ko", "realtek.ko", "libphy.ko", "r8169.ko"}
	if diff := cmp.Diff(want, k.inserted); diff != "" {
		t.Error(diff)
	}
}

func TestLoadFails(t *testing.T) {
	k := &kernel{err: map[string]error{"kernel/drivers/virtio/virtio.ko": unix.ENOEXEC}}
	l := module.Loader{Index: index(t), Insert: k.insert}
	err := l.Load("virtio_net", "realtek")
	if !errors.Is(err, unix.ENOEXEC) || !strings.Contains(err.Error(), "load kernel module virtio:") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"virtio.ko", "libphy.ko", "realtek.ko"}, k.inserted); diff != "" {
		t.Errorf("one failure must not keep the others from loading: %s", diff)
	}
}

// A bus driver makes devices appear; Coldplug must see them.
func TestColdplug(t *testing.T) {
	devices := fstest.MapFS{
		"bus/pci/devices/0000:00:01.0/modalias": {Data: []byte("pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00\n")},
		"bus/pci/devices/0000:00:01.0/class":    {Data: []byte("0x020000\n")},
	}
	k := &kernel{}
	l := module.Loader{Index: index(t), Insert: func(file string) error {
		if strings.Contains(file, "virtio-pci") {
			devices["bus/virtio/devices/virtio0/modalias"] = &fstest.MapFile{Data: []byte("virtio:d00000001v00001AF4\n")}
		}
		return k.insert(file)
	}}
	got, err := l.Coldplug(devices)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"virtio_pci", "virtio_net"}, got); diff != "" {
		t.Error(diff)
	}
	if again, err := l.Coldplug(devices); len(again) != 0 || err != nil {
		t.Errorf("loaded again: %v, %v", again, err)
	}
}

func TestNoIndex(t *testing.T) {
	x, err := module.ReadIndex(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	l := module.Loader{Index: x, Insert: (&kernel{}).insert}
	if err := l.Load("nbd"); err != nil {
		t.Errorf("a kernel without modules: %v", err)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(dep, aliases, softdep, "virtio:d00000001v00001AF4")
	f.Add("a.ko: b.ko", "alias [ a", "softdep a pre: a", "[")
	f.Fuzz(func(t *testing.T, dep, aliases, softdep, modalias string) {
		x, err := module.ReadIndex(fstest.MapFS{
			"modules.dep": {Data: []byte(dep)}, "modules.alias": {Data: []byte(aliases)}, "modules.softdep": {Data: []byte(softdep)},
		})
		if err != nil {
			return
		}
		l := module.Loader{Index: x, Insert: (&kernel{}).insert}
		if err := l.Load(x.Match(modalias)...); err != nil {
			t.Fatal(err)
		}
	})
}
