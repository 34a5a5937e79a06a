package main

import (
	"bytes"
	"fmt"
	"math"
)

// The plot's measures, in SVG's pixels.
const (
	plotWidth, plotHeight   = 640, 360
	plotLeft, plotRight     = 60, 20
	plotTop, plotBottom     = 40, 50
	plotInside, plotUpright = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

// curves are what is drawn, in this order.
var curves = [...]struct{ system, mode, color string }{{viver, warm, "#2a7f3f"}, {viver, cold, "#1f5fa8"}, {nbdkit, cold, "#b04a2f"}}

// plot draws the part of the line's rate by the number of nodes, as SVG.
func plot(r Report) []byte {
	most := 2
	for _, row := range throughTable.rows(r) {
		most = max(most, row.Nodes)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	grid(&b, most)
	for i, c := range curves {
		var rows []Row
		for _, row := range r.Rows {
			if row.System == c.system && row.Mode == c.mode {
				rows = append(rows, row)
			}
		}
		x, name := plotLeft+i*150, c.system+", "+c.mode
		fmt.Fprintf(&b, `<rect x="%d" y="12" width="12" height="12" fill="%s"/><text x="%d" y="22">%s</text>`+"\n", x, c.color, x+18, name)
		curve(&b, rows, most, c.color)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// across is where a number of nodes stands: doubling it is the same distance everywhere.
func across(nodes, most int) float64 {
	return plotLeft + plotInside*math.Log2(float64(nodes))/math.Log2(float64(most))
}

func up(ratio float64) float64 { return plotTop + plotUpright*(1-ratio) }

func grid(b *bytes.Buffer, most int) {
	for tenths := 0; tenths <= 10; tenths += 2 {
		y := up(float64(tenths) / 10)
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>`, plotLeft, y, plotWidth-plotRight, y)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%.1f</text>`+"\n", plotLeft-8, y+4, float64(tenths)/10)
	}
	for nodes := 1; nodes <= most; nodes *= 2 {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", across(nodes, most), plotHeight-plotBottom+18, nodes)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">nodes that read at the same moment</text>`+"\n", plotLeft+plotInside/2, plotHeight-12)
	fmt.Fprintf(b, `<text x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %d)">part of the line's rate</text>`+"\n", plotTop+plotUpright/2, plotTop+plotUpright/2)
}

func curve(b *bytes.Buffer, rows []Row, most int, color string) {
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, color)
	for _, row := range rows {
		fmt.Fprintf(b, "%.1f,%.1f ", across(row.Nodes, most), up(row.RatioToLink))
	}
	b.WriteString("\"/>\n")
	for _, row := range rows {
		x, y := across(row.Nodes, most), up(row.RatioToLink)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/><text x="%.1f" y="%.1f" fill="%s">%.2f</text>`+"\n", x, y, color, x+5, y-6, color, row.RatioToLink)
	}
}
