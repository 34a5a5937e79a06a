package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"viver/nodeimage/field"
	"viver/providers/fleet"
)

func printField(out io.Writer, s fleet.FieldSummary) error {
	err := errors.Join(printFieldImages(out, s.Images), printFieldNodes(out, s.Nodes))
	if s.SeedMayGo {
		fmt.Fprintf(out, "\nThe seed may go: %s.\n", allOf(len(s.Nodes)))
	} else {
		fmt.Fprintf(out, "\nThe seed is needed: %s.\n", s.SeedNeeded)
	}
	return err
}

func allOf(nodes int) string {
	return fmt.Sprintf("all %d nodes see every chunk on enough of them", nodes)
}

func printFieldImages(out io.Writer, images []fleet.FieldImage) error {
	if len(images) == 0 {
		return nil
	}
	most := 0
	for _, i := range images {
		most = max(most, len(i.Replicas)-1)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "IMAGE\tSIZE\tCHUNKS")
	for n := range most {
		fmt.Fprintf(w, "\tON %d", n)
	}
	fmt.Fprintf(w, "\tON %d+\tUSED BY\n", most)
	for _, i := range images {
		fmt.Fprintf(w, "%s\t%s\t%d", short(i.ID), megabytes(i.Bytes), i.Chunks)
		for n := range most + 1 {
			fmt.Fprintf(w, "\t%s", nth(i.Replicas, n))
		}
		fmt.Fprintf(w, "\t%s\n", cmp.Or(several(i.UsedBy), "-"))
	}
	err := w.Flush()
	for _, i := range images {
		fmt.Fprintf(out, "\n%s held well: %s\n", short(i.ID), history(i.Coverage))
	}
	fmt.Fprintln(out)
	return err
}

// nth is a count of a list, "-" where it has none.
func nth(counts []int, n int) string {
	if n >= len(counts) {
		return "-"
	}
	return fmt.Sprint(counts[n])
}

func printFieldNodes(out io.Writer, views []fleet.FieldView) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSHARE\tCACHE\tHELD\tMISSING\tHITS\tFROM NODES\tFROM SEEDS\tSERVED\tNOTE")
	for _, v := range views {
		s := v.Status
		if s == nil {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t-\t-\t-\t%s\n", v.Node, v.Error)
			continue
		}
		held, missing := 0, 0
		for _, i := range s.Images {
			held, missing = held+i.Held, missing+i.Missing
		}
		m, r := s.Memory, s.Reads
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", v.Node, used(m.Share, m.ShareLimit), used(m.Cache, m.CacheLimit), held, missing,
			percent(r.Hits, r.Chunks), megabytes(r.FromNodes), megabytes(r.FromSeeds), megabytes(r.Served), cmp.Or(oddities(s), "-"))
	}
	return w.Flush()
}

// used is how much there is of what there may be: "60/512 MB".
func used(bytes, limit int64) string {
	return fmt.Sprintf("%d/%s", (bytes+500_000)/1_000_000, megabytes(limit))
}

// percent is a part of a whole, "-" if there is none.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", part*100/whole)
}

// oddities says what is unusual about a node, and about those that it knows.
func oddities(s *field.Status) string {
	var all, drained []string
	if s.Self.Leaving {
		all = append(all, "hands over")
	} else if !s.MayLeave {
		all = append(all, "has what no other machine has")
	}
	for _, m := range s.Members {
		if m.Drained {
			drained = append(drained, m.Name)
		}
		if m.Banned != "" {
			all = append(all, fmt.Sprintf("does not ask %s: %s", m.Name, m.Banned))
		}
	}
	if len(drained) > 0 {
		all = append(all, "spares "+several(drained))
	}
	return strings.Join(all, "; ")
}

// history draws how well an image was held over time, and ends with how well it is now: "▁▄█ 100 %, since 12m30s".
func history(coverage []field.Coverage) string {
	if len(coverage) == 0 {
		return "not known yet"
	}
	last, begin := coverage[len(coverage)-1], coverage[0].Time
	return fmt.Sprintf("%s %d %%, over %s", graph(coverage), int(last.Part*100), last.Time.Sub(begin).Round(time.Second))
}
