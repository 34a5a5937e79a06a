package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/providers/fleet"
)

func (a *app) fieldMapCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "map NODE [IMAGE]",
		Short: "Show where a node has its root from",
		Long: `map shows, for one image, which ranges of it a node holds as its share, which it has in its cache, which are away, and from whom each came or
would come now. IMAGE is the ID of an image, or its beginning; without it, it is the image that the node runs. Offsets and lengths are
written as a pin in the configuration has them.`,
		Example: `  viver field map pc07
  viver field map pc07 sha256:e3b0c442
  viver field map pc07 --json | jq 'map(select(.state == "away"))'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := a.fleet()
			defer f.Agents.Pool.Close()
			ranges, err := a.fieldRanges(cmd.Context(), f, args)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(ranges)
			}
			return printRanges(a.out, ranges)
		},
	}
}

// fieldRanges asks a node for the map of an image: args are its name and perhaps the beginning of an ID.
func (a *app) fieldRanges(ctx context.Context, f *fleet.Fleet, args []string) ([]field.Range, error) {
	m, err := a.joinedNode(ctx, f, args[0])
	if err != nil {
		return nil, err
	}
	view := f.Field(ctx, []spec.Machine{m})[0]
	if view.Status == nil {
		return nil, fmt.Errorf("field map: %s: %s", m.Node, view.Error)
	}
	id, err := chooseImage(view.Status.Images, args[1:])
	if err != nil {
		return nil, fmt.Errorf("field map: %s: %w", m.Node, err)
	}
	ranges, err := f.FieldMap(ctx, m, id)
	if err != nil {
		return nil, fmt.Errorf("field map: %s: %w", m.Node, err)
	}
	return ranges, nil
}

// chooseImage returns the only image whose ID begins as wanted. If nothing is wanted, it is the one that the node runs, or the only one.
func chooseImage(images []field.ImageStatus, wanted []string) (spec.Digest, error) {
	begin := "sha256:"
	if len(wanted) > 0 {
		begin += strings.TrimPrefix(wanted[0], begin)
	}
	var known, fitting []string
	for _, i := range images {
		if len(wanted) == 0 && i.InUse {
			return i.ID, nil
		}
		known = append(known, short(i.ID))
		if strings.HasPrefix(string(i.ID), begin) {
			fitting = append(fitting, string(i.ID))
		}
	}
	switch {
	case len(fitting) == 1:
		return spec.Digest(fitting[0]), nil
	case len(known) == 0:
		return "", errors.New("it knows no image yet")
	}
	return "", fmt.Errorf("it knows %d images that begin so: say which one of %s", len(fitting), strings.Join(known, ", "))
}

func printRanges(out io.Writer, ranges []field.Range) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OFFSET\tLENGTH\tSTATE\tFROM")
	sums := map[string]int64{}
	for _, r := range ranges {
		from := r.From
		if from == "" {
			from = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", binary(r.Offset), binary(r.Length), r.State, from)
		sums[r.State] += r.Length
	}
	err := w.Flush()
	fmt.Fprintf(out, "\nshare %s, cache %s, away %s\n", binary(sums["share"]), binary(sums["cache"]), binary(sums["away"]))
	return err
}

// binary writes bytes exactly, as the configuration has them: "64MiB", "256KiB".
func binary(bytes int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes != 0 && bytes%unit.size == 0 {
			return fmt.Sprint(bytes/unit.size) + unit.name
		}
	}
	return fmt.Sprint(bytes)
}
