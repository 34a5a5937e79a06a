package main

import (
	"context"
	"errors"
	"time"

	"viver/nodeimage/field/door"
	"viver/nodeimage/pid1"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/rootdisk"
)

// handOverTime is how long other machines may take to take what only this one holds.
const handOverTime = 20 * time.Second

// shutDown ends the machine: systemd-shutdown became this program, and args are `/shutdown poweroff --timeout=...`. It does not return.
func shutDown(args []string) {
	word := "poweroff"
	if len(args) > 1 {
		word = args[1]
	}
	pid1.Shutdown(word, handOver, func() error { return rootdisk.Release(rootDevice) })
}

// handOver leaves the shared root. It is too late to stay: what nobody takes is lost.
func handOver() error {
	ctx, cancel := context.WithTimeout(context.Background(), handOverTime)
	defer cancel()
	err := door.Client{Path: handover.FieldPath}.Leave(ctx, false)
	if errors.Is(err, door.ErrNoMember) {
		return nil
	}
	return err
}
