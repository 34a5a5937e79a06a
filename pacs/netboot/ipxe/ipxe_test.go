package ipxe_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/pacs/netboot/ipxe"
)

func folder(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"undionly.kpxe", "ipxe.pxe", "snponly.efi", "ipxe.efi", "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpen(t *testing.T) {
	programs, err := ipxe.Open(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	f, err := programs.Open("snponly.efi")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, name := range []string{"secret", "", ".", "../ipxe.efi", "/ipxe.efi"} {
		if _, err := programs.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMissing(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "ipxe.pxe")
	os.Remove(path)
	if _, err := ipxe.Open(dir); err == nil || !strings.Contains(err.Error(), "apt-get install ipxe") || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	os.Mkdir(path, 0o755)
	if _, err := ipxe.Open(dir); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Error(err)
	}
}
