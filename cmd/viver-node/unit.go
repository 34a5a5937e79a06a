package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"viver/nodeimage/spec"
	"viver/pacs/dhcp"
	"viver/pacs/nbd"
	"viver/pacs/netboot"
	"viver/pacs/tftp"
)

// eventsFD is the file descriptor that the supervisor gives a unit for its events.
const eventsFD = 3

// maxStart bounds what a unit is told at its start, in bytes.
const maxStart = 16 << 20

// unit is a program that serves something until ctx ends, and then returns nil. It calls emit with Ready once it serves.
type unit func(ctx context.Context, start spec.UnitStart, emit func(spec.UnitEvent), log *slog.Logger) error

// units returns every type of unit.
func units() map[string]unit {
	return map[string]unit{
		"dhcp":    dhcp.Run,
		"nbd":     nbd.Run,
		"netboot": netboot.Run,
		"tftp":    tftp.Run,
	}
}

// runUnit is the word "unit": the process of one unit, as package supervise starts it. Its exit status is 0 only after SIGTERM; the last
// line of its standard error says why it ended otherwise.
func runUnit() int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	events := os.NewFile(eventsFD, "events")
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := serveUnit(ctx, os.Stdin, events, log); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serveUnit runs the unit that start describes.
func serveUnit(ctx context.Context, in io.Reader, events io.Writer, log *slog.Logger) error {
	data, err := io.ReadAll(io.LimitReader(in, maxStart))
	if err != nil {
		return fmt.Errorf("unit: read what to start: %w", err)
	}
	var start spec.UnitStart
	if err := spec.Decode(data, &start); err != nil {
		return fmt.Errorf("unit: what to start (the agent writes it to standard input): %w", err)
	}
	run := units()[start.Unit.Type]
	if run == nil {
		return fmt.Errorf("unit %s: this viver-node has no type %q; it has %q", start.Unit.Name, start.Unit.Type, slices.Sorted(maps.Keys(units())))
	}
	out := emitter{out: json.NewEncoder(events)}
	if err := run(ctx, start, out.emit, log); err != nil {
		return err
	}
	if ctx.Err() == nil {
		return errors.New("unit: it ended by itself")
	}
	return nil
}

// emitter writes events, from any goroutine.
type emitter struct {
	mu  sync.Mutex // held while out is written to
	out *json.Encoder
}

func (e *emitter) emit(event spec.UnitEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.out.Encode(event) // fails when the agent has died, and takes this process along
}
