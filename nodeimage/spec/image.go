package spec

import "time"

// ChunkSize is the number of bytes in each chunk of a root image but the last.
const ChunkSize = 256 << 10

// Digest is a SHA-256 digest in the form "sha256:" followed by 64 lower-case hexadecimal digits.
type Digest string

// Manifest describes an image whole: whoever trusts the digest of its canonical JSON (the image's ID) can
// verify every byte that a machine boots from.
type Manifest struct {
	Version int `json:"version"` // 1
	// Root is the squashfs that all machines share.
	Root Root `json:"root"`
	// Files are the boot files, by name: "vmlinuz" and "initrd".
	Files map[string]File `json:"files"`
	// KernelRelease is `uname -r` of the kernel in Files.
	KernelRelease string `json:"kernel_release"`
	// Architecture is Go's name of it: amd64, arm64.
	Architecture string `json:"architecture"`
	// Distribution is ID and VERSION_ID of the root's os-release: "debian 12".
	Distribution string `json:"distribution"`
}

// BootSize returns how many bytes a machine loads to start: all boot files.
func (m *Manifest) BootSize() (bytes int64) {
	for _, f := range m.Files {
		bytes += f.Size
	}
	return bytes
}

// Size returns how many bytes the whole image has: the root and the boot files.
func (m *Manifest) Size() int64 { return m.Root.Size + m.BootSize() }

// Root is the list of chunks of a root file system image.
type Root struct {
	Size   int64    `json:"size"`   // bytes; a multiple of 4096
	Chunks []Digest `json:"chunks"` // one for each ChunkSize bytes; the last chunk may be shorter
	// Boot is how many of the first chunks a machine reads while it boots, as far as could be told when the image was built. They are worth
	// fetching before they are asked for.
	Boot int `json:"boot,omitempty"`
}

// File is a boot file, served whole.
type File struct {
	Size   int64  `json:"size"` // bytes
	SHA256 Digest `json:"sha256"`
}

// StoredImage is an image that a server has.
type StoredImage struct {
	ID    Digest    `json:"id"`
	Bytes int64     `json:"bytes"` // of all its files
	Added time.Time `json:"added"` // when it was copied to the server
	// Users are what it is needed for: nodes that are to boot it, machines that run it, units that serve it. A former image has none.
	Users []string `json:"users,omitempty"`
}
