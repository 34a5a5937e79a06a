// Package facts finds out what hardware a machine has and how it was started, by reading the kernel's /proc and /sys.
//
// It owns the reading of those trees. It runs no programs, changes nothing and needs no rights but to read; what cannot be
// read is left empty, since a fact less must never stop a boot.
package facts
