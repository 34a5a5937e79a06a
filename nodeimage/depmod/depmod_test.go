package depmod_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"viver/nodeimage/depmod"
)

const (
	dep = `kernel/drivers/net/virtio-net.ko.xz: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko
kernel/net/core/failover.ko:
`
	aliases = "# from the modules themselves\nalias pci:v000010ECd00008168* r8169\n\nalias crypto-crc32c crc32c-generic\n"
	softdep = "softdep r8169 pre: realtek post: later last\nsoftdep ext4 crypto-crc32c\nsoftdep alone\n"
	builtin = "kernel/net/packet/af_packet.ko\n"
)

func folder(dep, aliases, softdep, builtin string) fstest.MapFS {
	return fstest.MapFS{
		"modules.dep": {Data: []byte(dep)}, "modules.alias": {Data: []byte(aliases)},
		"modules.softdep": {Data: []byte(softdep)}, "modules.builtin": {Data: []byte(builtin)},
	}
}

func TestRead(t *testing.T) {
	got, err := depmod.Read(folder(dep, aliases, softdep, builtin))
	if err != nil {
		t.Fatal(err)
	}
	want := &depmod.Index{
		Deps: map[string][]string{
			"kernel/drivers/net/virtio-net.ko.xz": {"kernel/drivers/net/net_failover.ko", "kernel/net/core/failover.ko"},
			"kernel/net/core/failover.ko":         {},
		},
		Aliases: []depmod.Alias{{"pci:v000010ECd00008168*", "r8169"}, {"crypto-crc32c", "crc32c_generic"}},
		Soft: []depmod.Softdep{
			{Module: "r8169", Pre: []string{"realtek"}, Post: []string{"later", "last"}},
			{Module: "ext4", Pre: []string{"crypto-crc32c"}},
			{Module: "alone"},
		},
		Builtin: []byte(builtin),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	for want, dir := range map[string]fstest.MapFS{
		"modules.dep, line 1: want FILE":     folder("kernel/a.ko\n", "", "", ""),
		"line 2: \"../../b.ko\" is not":      folder("# depmod\nkernel/a.ko: ../../b.ko\n", "", "", ""),
		"line 1: \"kernel/a.txt\" is not":    folder("kernel/a.txt:", "", "", ""),
		"modules.alias, line 1: want alias":  folder("", "alias x\n", "", ""),
		"modules.softdep, line 1: want soft": folder("", "", "x\n", ""),
		"modules.alias: bufio.Scanner":       folder("", strings.Repeat("x", 2<<20), "", ""),
	} {
		if _, err := depmod.Read(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestReadMissing(t *testing.T) {
	if _, err := depmod.Read(fstest.MapFS{"modules.alias": {}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without modules.dep: %v", err)
	}
	if _, err := depmod.Read(fstest.MapFS{"modules.dep": {}}); err != nil {
		t.Errorf("with nothing but modules.dep: %v", err)
	}
}

func TestName(t *testing.T) {
	for file, want := range map[string]string{
		"kernel/drivers/net/virtio-net.ko.xz": "virtio_net",
		"kernel/a/snd-hda.ko":                 "snd_hda",
		"virtio-net":                          "virtio_net",
		"nbd":                                 "nbd",
		"":                                    "",
	} {
		if got := depmod.Name(file); got != want {
			t.Errorf("the name of %q is %q, want %q", file, got, want)
		}
	}
}

// FuzzRead checks that what was read is written so that it reads the same.
func FuzzRead(f *testing.F) {
	f.Add(dep, aliases, softdep, builtin)
	f.Add("a.ko: b.ko", "alias [ a.ko.gz", "softdep a post: b pre: c d", "\x00")
	f.Fuzz(func(t *testing.T, dep, aliases, softdep, builtin string) {
		x, err := depmod.Read(folder(dep, aliases, softdep, builtin))
		if err != nil {
			return
		}
		files := x.Encode()
		again, err := depmod.Read(folder(
			string(files["modules.dep"]), string(files["modules.alias"]), string(files["modules.softdep"]), string(files["modules.builtin"])))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if diff := cmp.Diff(x, again, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}
