package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is a view of the rows of some modes.
type table struct {
	modes   []string
	columns []column
}

// column is a name and what stands below it.
type column struct {
	name string
	text func(Row) string
	word bool // not a number
}

// figure is a column of numbers with so many digits behind the point.
func figure(name string, digits int, of func(Row) float64) column {
	return column{name: name, text: func(r Row) string { return strconv.FormatFloat(of(r), 'f', digits, 64) }}
}

// Columns that several tables have.
var (
	systemColumn = column{"system", func(r Row) string { return r.System }, true}
	modeColumn   = column{"", func(r Row) string { return r.Mode }, true}
	nodesColumn  = figure("nodes", 0, func(r Row) float64 { return float64(r.Nodes) })
	lineColumn   = figure("line, Mbit/s", 0, func(r Row) float64 { return float64(r.LinkMbit) })
	partColumn   = figure("of the line's rate", 2, func(r Row) float64 { return r.RatioToLink })
	sentColumn   = column{"seed sent", func(r Row) string { return fmt.Sprintf("%.2f times", r.SeedImages) }, false}
	cpuColumn    = figure("CPU s/GB", 2, func(r Row) float64 { return r.CPUSecondsPerGB })
	seedColumn   = figure("of it the seed", 2, func(r Row) float64 { return r.SeedCPUSecondsPerGB })
	busyColumn   = figure("processors", 1, func(r Row) float64 { return r.ProcessorsUsed })
	memoryColumn = figure("RAM of a node, MB", 0, func(r Row) float64 { return r.NodeMB })
	lateColumn   = figure("late, ms", 1, func(r Row) float64 { return r.LateMS })
)

var throughTable = table{[]string{cold, warm}, []column{
	systemColumn, modeColumn, nodesColumn, lineColumn, partColumn, figure("MB/s a node", 2, func(r Row) float64 { return r.NodeMBs }),
	sentColumn, cpuColumn, seedColumn, busyColumn, memoryColumn, lateColumn,
}}

var stormTable = table{[]string{storm, joinStorm}, []column{
	systemColumn, modeColumn, nodesColumn, lineColumn, figure("last, s", 2, func(r Row) float64 { return r.SecondsLast }),
	figure("one alone, s", 2, func(r Row) float64 { return r.SecondsSingle }), ratioColumn("last beside one", ""),
	sentColumn, cpuColumn, seedColumn, busyColumn, memoryColumn, lateColumn,
}}

var localTable = table{[]string{hit, miss, direct}, []column{
	systemColumn, modeColumn,
	{"line, Mbit/s", lineText, false},
	figure("MB/s", 1, func(r Row) float64 { return r.NodeMBs }),
	ratioColumn("speed beside nbdkit", hit), ratioColumn("time beside direct", miss),
	cpuColumn, figure("of it the server", 2, func(r Row) float64 { return r.SeedCPUSecondsPerGB }), memoryColumn, lateColumn,
}}

func lineText(r Row) string {
	if r.LinkMbit == 0 {
		return "none"
	}
	return strconv.FormatInt(r.LinkMbit, 10)
}

// ratioColumn has the ratios of rows of this mode; "": of all.
func ratioColumn(name, mode string) column {
	return column{name: name, text: func(r Row) string {
		if r.Ratio == 0 || mode != "" && r.Mode != mode {
			return ""
		}
		return strconv.FormatFloat(r.Ratio, 'f', 2, 64)
	}}
}

// rows are those of a report that stand in the table.
func (t table) rows(r Report) (list []Row) {
	for _, row := range r.Rows {
		if slices.Contains(t.modes, row.Mode) {
			list = append(list, row)
		}
	}
	return list
}

// markdown is the table in a page; "" if nothing stands in it.
func (t table) markdown(r Report) string {
	rows := t.rows(r)
	if len(rows) == 0 {
		return ""
	}
	var b bytes.Buffer
	line := func(of func(column) string) {
		for _, c := range t.columns {
			fmt.Fprintf(&b, "|%s", of(c))
		}
		b.WriteString("|\n")
	}
	cell := func(text string) string { return strings.TrimRight(" "+text, " ") + " " }
	line(func(c column) string { return cell(c.name) })
	line(func(c column) string { return map[bool]string{true: "---", false: "--:"}[c.word] })
	for _, row := range rows {
		line(func(c column) string { return cell(c.text(row)) })
	}
	return b.String()
}
