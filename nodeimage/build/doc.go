// Package build turns a root tree into an image: a squashfs, its manifest, a kernel, and an initramfs with viver-node as
// its first program.
//
// It owns how a tree comes about (debian:SUITE by mmdebstrap, dir:PATH by a copy), what is taken out of it, and the cache which
// makes a second build of the same source unnecessary. It does not own where images are kept (package imagestore) nor what is in an
// initramfs (package initramfs). No program of viver is installed in the tree.
//
// A build has two stages, each keyed by what goes into it: the root (minutes: tree, squashfs, kernel, modules) and the boot files
// (a second: viver-node is put before the modules). A new viver-node does the second one only.
//
//	CACHE/roots/KEY/   root.squashfs vmlinuz modules.cpio.zst root.json
//	CACHE/images/KEY   the ID of the image
//	CACHE/work/KEY/    one of these in the making; it belongs to whoever has the lock CACHE/work/KEY.lock
package build
