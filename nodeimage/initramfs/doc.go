// Package initramfs makes the archives that a kernel unpacks as its first root: the cpio format, compression, and the choice of
// kernel modules that a machine needs before it has its real root.
//
// It owns the format and the choice. It does not know where the kernel or the tree come from (package build), nor
// what the programs inside do (package pid1).
//
// A kernel takes several archives after one another, compressed or not, as long as each starts at a multiple of 4 bytes;
// everything that this package writes is padded so.
package initramfs
