package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// show prints the tables.
func show(out io.Writer, r Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, t := range []table{throughTable, stormTable, localTable} {
		rows := t.rows(r)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintln(w)
		for _, c := range t.columns {
			fmt.Fprintf(w, "%s\t", c.name)
		}
		for _, row := range rows {
			fmt.Fprintln(w)
			for _, c := range t.columns {
				fmt.Fprintf(w, "%s\t", c.text(row))
			}
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%.0f MB of data. Load average %.1f before, %.1f after, of %d processors.\n",
		float64(r.SizeBytes)/1e6, r.LoadAverage[0], r.LoadAverage[1], r.Processors)
	for _, t := range r.Targets {
		fmt.Fprintf(out, "%s: %.2f, at %s %.2f wanted: %s\n", t.Name, t.Got, map[bool]string{true: "most", false: "least"}[t.AtMost], t.Want,
			map[bool]string{true: "reached", false: "MISSED"}[t.Reached])
	}
	return nil
}
