// Package network gives a diskless machine its address, and keeps it.
//
// It owns the choice of the interface, the talk with DHCP servers (RFC 2131), the link-local address where there is none
// (RFC 3927), and what is set in the kernel for it. Init uses it until the root is mounted, the disk's process from then on: the machine's
// root hangs on the address, so an old one is kept until there is a new one, even when its lease has run out.
package network
