package initramfs_test

import (
	"bytes"
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"viver/nodeimage/initramfs"
	"viver/nodeimage/spec"
)

func entries() []initramfs.Entry {
	return append(
		initramfs.Init([]byte("\x7fELF")),
		initramfs.Entry{Name: "a/b/c", Mode: 0o640, Data: []byte("12345")},
		initramfs.Entry{Name: "a/setuid", Mode: fs.ModeSetuid | 0o755, Data: []byte("1234")},
		initramfs.Entry{Name: "link", Mode: fs.ModeSymlink | 0o777, Data: []byte("a/b/c")},
		initramfs.Entry{Name: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		initramfs.Entry{Name: "dev/vda", Mode: fs.ModeDevice | 0o660, Major: 254, Minor: 256},
		initramfs.Entry{Name: "fifo", Mode: fs.ModeNamedPipe | 0o600},
	)
}

func write(t testing.TB, e []initramfs.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := initramfs.Write(&b, e); err != nil {
		t.Fatal(err)
	}
	if b.Len()%4 != 0 {
		t.Errorf("the archive has %d bytes: no multiple of 4", b.Len())
	}
	return b.Bytes()
}

func read(t testing.TB, data []byte) map[string]initramfs.Entry {
	t.Helper()
	list, err := initramfs.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]initramfs.Entry)
	for _, e := range list {
		if len(e.Data) == 0 {
			e.Data = nil
		}
		out[e.Name] = e
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	got := read(t, write(t, entries()))
	for _, want := range entries() {
		if diff := cmp.Diff(want, got[want.Name]); diff != "" {
			t.Errorf("%s: %s", want.Name, diff)
		}
	}
	if e := got["a/b"]; e.Mode != fs.ModeDir|0o755 {
		t.Errorf("the folder that was missing has mode %v", e.Mode)
	}
}

// TestForeign lets cpio(1) say what it sees.
func TestForeign(t *testing.T) {
	cmd := exec.Command("cpio", "-tv", "--quiet", "--numeric-uid-gid")
	cmd.Stdin = bytes.NewReader(write(t, entries()))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		got = append(got, f[0]+" "+strings.Join(f[2:len(f)-4], " ")+" "+f[len(f)-1])
	}
	for _, want := range []string{
		"-rwxr-xr-x 0 0 4 init", "crw------- 0 0 5, 1 dev/console", "brw-rw---- 0 0 254, 256 dev/vda",
		"drwxr-xr-x 0 0 0 a/b", "-rw-r----- 0 0 5 a/b/c", "-rwsr-xr-x 0 0 4 a/setuid", "drwxrwxrwt 0 0 0 tmp", "prw------- 0 0 0 fifo",
	} {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("cpio does not see %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if !strings.Contains(string(out), "link -> a/b/c") || !strings.Contains(string(out), "Jan  1  1970") {
		t.Errorf("cpio does not see the link, or a time, in\n%s", out)
	}
}

func TestWriteRefuses(t *testing.T) {
	long := strings.Repeat("x", 4096)
	for want, e := range map[string]initramfs.Entry{
		"no name for":           {Name: "/init"},
		"no name for a file":    {Name: "a/../b"},
		"no name for a file in": {Name: "TRAILER!!!"},
		"has 4096 bytes":        {Name: long},
		"target has 4096":       {Name: "a", Mode: fs.ModeSymlink, Data: []byte(long)},
		"target has 0":          {Name: "a", Mode: fs.ModeSymlink},
		"with contents":         {Name: "a", Mode: fs.ModeDir, Data: []byte("x")},
		"cannot hold":           {Name: "a", Mode: fs.ModeSocket},
		"with a device number":  {Name: "a", Major: 1},
		"too large":             {Name: "a", Mode: fs.ModeDevice, Major: 4096},
		"there twice":           {Name: "first"},
	} {
		err := initramfs.Write(new(bytes.Buffer), []initramfs.Entry{{Name: "first"}, e})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := write(t, []initramfs.Entry{{Name: "name", Data: []byte("data")}})
	for want, data := range map[string][]byte{
		"ends without a trailer": good[:len(good)-124],
		"not with 070701":        append([]byte("070702"), good[6:]...),
		"not a number":           bytes.Replace(good, []byte("00000001"), []byte("0000000x"), 1),
		"bytes are missing":      bytes.Replace(good, []byte("00000004"), []byte("ffffffff"), 1),
		"only NUL":               bytes.Replace(good, []byte("name"), []byte("na\x00e"), 1),
		"something follows":      append(good[:len(good):len(good)], "0707"...),
		"unknown file mode":      bytes.Replace(good, []byte("00008000"), []byte("0000f000"), 1),
	} {
		if _, err := initramfs.Read(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestWriteZstd(t *testing.T) {
	var b [2]bytes.Buffer
	for i := range b {
		if err := initramfs.WriteZstd(&b[i], entries()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b[0].Bytes(), b[1].Bytes()) {
		t.Error("equal entries made different archives")
	}
	if b[0].Len()%4 != 0 {
		t.Errorf("%d bytes: no multiple of 4", b[0].Len())
	}
	z, err := zstd.NewReader(&b[0])
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	want := write(t, entries())
	got := make([]byte, len(want))
	if _, err := io.ReadFull(z, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("another archive came out: %v", err)
	}
}

func TestBundle(t *testing.T) {
	data, err := initramfs.Bundle([]byte("bundle"), []byte("manifest"))
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, data)
	if b, m := got[spec.BundlePath[1:]], got[spec.ManifestPath[1:]]; string(b.Data) != "bundle" || string(m.Data) != "manifest" {
		t.Errorf("got %q and %q", b.Data, m.Data)
	}
	if len(data)%4 != 0 {
		t.Errorf("%d bytes: no multiple of 4", len(data))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, entries()))
	f.Add([]byte("070701"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := initramfs.Read(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if initramfs.Write(&b, first) != nil {
			return // a name twice: nothing to compare
		}
		again := read(t, b.Bytes())
		for _, e := range first {
			if len(e.Data) == 0 {
				e.Data = nil
			}
			if diff := cmp.Diff(e, again[e.Name]); diff != "" {
				t.Error(diff)
			}
		}
	})
}
