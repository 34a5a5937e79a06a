package ui

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// row is one line of a plan.
type row struct {
	sign   string // "+", "~", "-", "-/+", "!", "=", ".", or "" for what stays
	name   string // "node.pc[0..39]"
	count  int    // of instances; shown from 2 on
	detail string
}

// writeRows aligns rows in columns.
func writeRows(w io.Writer, p palette, rows []row) {
	signs, names, counts := 1, 0, 0
	for _, r := range rows {
		signs = max(signs, len(r.sign))
		names = max(names, utf8.RuneCountInString(r.name))
		if r.count > 1 {
			counts = max(counts, len(strconv.Itoa(r.count)))
		}
	}
	for _, r := range rows {
		number := ""
		if r.count > 1 {
			number = strconv.Itoa(r.count)
		}
		line := r.name + strings.Repeat(" ", names-utf8.RuneCountInString(r.name))
		if counts > 0 {
			line += "  " + strings.Repeat(" ", counts-len(number)) + number
		}
		line = strings.TrimRight(line+"   "+printable(r.detail), " ")
		fmt.Fprintf(w, "%s %s\n", p.sign(r.sign, strings.Repeat(" ", signs-len(r.sign))), line)
	}
}

// printable takes out of a line what a terminal would obey: machines say some of it.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, line)
}

// palette colours text for a terminal, or leaves it alone.
type palette struct{ on bool }

const (
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	bold    = "1"
	faint   = "2"
)

func (p palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) sign(sign, padding string) string {
	codes := map[string]string{"+": green, "~": yellow, "-": red, "-/+": red, "!": magenta, "=": yellow, ".": yellow}
	return p.paint(codes[sign], sign) + padding
}
