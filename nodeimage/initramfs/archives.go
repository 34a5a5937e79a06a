package initramfs

import (
	"bytes"
	"io/fs"
	"strings"

	"viver/nodeimage/spec"
)

// Bundle returns the small second archive which tells a machine who it belongs to: a spec.Bundle and the spec.Manifest of its image,
// each as JSON, at spec.BundlePath and spec.ManifestPath. It is not compressed; its size is a multiple of 4.
func Bundle(bundle, manifest []byte) ([]byte, error) {
	var b bytes.Buffer
	err := Write(&b, []Entry{
		{Name: strings.TrimPrefix(spec.BundlePath, "/"), Mode: 0o444, Data: bundle},
		{Name: strings.TrimPrefix(spec.ManifestPath, "/"), Mode: 0o444, Data: manifest},
	})
	return b.Bytes(), err
}

// Init returns the entries around the first program: init itself (an ELF binary that needs no other file), the folders that it
// mounts things on, and the console, which the kernel opens for it before anything is mounted.
func Init(init []byte) []Entry {
	var entries []Entry
	for _, dir := range []string{"dev", "etc", "newroot", "proc", "run", "sys", "viver"} {
		entries = append(entries, Entry{Name: dir, Mode: fs.ModeDir | 0o755})
	}
	return append(
		entries,
		Entry{Name: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1},
		Entry{Name: "init", Mode: 0o755, Data: init},
	)
}
