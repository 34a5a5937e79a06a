package main

import (
	"viver/nodeimage/pid1"
	"viver/nodeimage/rootdisk"
)

// shutDown ends the machine: systemd-shutdown became this program, and args are `/shutdown poweroff --timeout=...`. It does not return.
func shutDown(args []string) {
	word := "poweroff"
	if len(args) > 1 {
		word = args[1]
	}
	pid1.Shutdown(word, func() error { return rootdisk.Release(rootDevice) })
}
