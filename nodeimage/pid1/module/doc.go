// Package module loads kernel modules for the hardware that is there.
//
// It owns the matching of devices' modaliases against depmod's indexes (see package depmod) and the order of loading. Which modules
// lie in an initramfs is decided where that is made; a module that is not there is not an error here, for the kernel may have it built in.
package module
