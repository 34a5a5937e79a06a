package main

import (
	"viver/nodeimage/field"
)

// graphWidth is how many columns a graph has at most.
const graphWidth = 60

// levels are the heights of a column. The full one is for all and nothing less.
var levels = []rune("▁▂▃▄▅▆▇█")

// graph draws parts of a whole over time, in a line of blocks. Each column stands for the same time, and shows the lowest part in it; one in
// which nothing was noted is as the one before.
func graph(points []field.Coverage) string {
	width := min(graphWidth, len(points))
	if width == 0 {
		return ""
	}
	begin := points[0].Time
	span := points[len(points)-1].Time.Sub(begin) + 1
	columns := make([]float64, width)
	for i := range columns {
		columns[i] = -1
	}
	for _, p := range points {
		i := min(max(int(int64(p.Time.Sub(begin))/max(1, int64(span)/int64(width))), 0), width-1)
		if columns[i] < 0 || p.Part < columns[i] {
			columns[i] = p.Part
		}
	}
	line := make([]rune, width)
	for i, part := range columns {
		if part < 0 && i > 0 {
			columns[i] = columns[i-1]
		}
		line[i] = level(columns[i])
	}
	return string(line)
}

// level is the block for a part, from 0 to 1.
func level(part float64) rune {
	top := len(levels) - 1
	return levels[min(max(int(part*float64(top)), 0), top)]
}
