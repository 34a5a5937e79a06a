package e2e_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// busy drops the caches and keeps readers of the root running, so that the power-off meets a root that has to be fetched: systemd stops
// every process, the one that serves its root among them, and then reads from that root.
const busy = `for i in 1 2 3 4; do (while :; do cat /usr/bin/* /usr/lib/x86_64-linux-gnu/* >/dev/null 2>&1; done) </dev/null >/dev/null 2>&1 & done; echo 3 > /proc/sys/vm/drop_caches`

// usualRounds is how often the machines are switched on and off where the environment's ROUNDS says nothing: 10 make twenty ends in a row.
const usualRounds = 3

// TestPowerOff switches two machines on and off, again and again. Each ends by itself each time; half of them are busy when it comes.
func TestPowerOff(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	const machines = 2
	rounds := usualRounds
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		rounds = n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	var vms []lab.Machine
	for i := range machines {
		vms = append(vms, lab.Machine{Name: fmt.Sprintf("vm%d", i+1), MemoryMB: 768})
	}
	r := open(t, "e2e-poweroff", nil, vms...)
	bringUp(ctx, t, r)
	for round := range rounds {
		if round > 0 {
			switchOn(ctx, t, r, machines)
		}
		var all errgroup.Group
		for i := range machines {
			node := fmt.Sprintf("pc%02d", i+1)
			vm := virtual(ctx, t, r, node)
			if (round+i)%2 == 0 {
				on(ctx, t, r, node, busy)
			}
			on(ctx, t, r, node, "systemctl poweroff")
			began := time.Now()
			all.Go(func() error {
				wait, cancel := context.WithTimeout(ctx, 4*time.Minute)
				defer cancel()
				code, err := vm.Wait(wait)
				if err != nil || code != 0 {
					return fmt.Errorf("round %d: %s did not end by itself: exit code %d, %w", round, node, code, err)
				}
				t.Logf("round %d: %s was off after %.1f s", round, node, time.Since(began).Seconds())
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// switchOn waits until all machines have joined by themselves: nobody applies anything.
func switchOn(ctx context.Context, t *testing.T, r *room.Room, count int) {
	t.Helper()
	for _, m := range r.Lab.Machines {
		if err := r.Lab.PowerOn(ctx, m.Name); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(ctx, t, "all machines have joined", func() bool {
		machines, err := r.Machines(ctx)
		joined := 0
		for _, m := range machines {
			if m.Stage() == spec.StageJoined {
				joined++
			}
		}
		return err == nil && joined == count
	})
}
