package ui

import (
	"bytes"
	"io"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// maxLine is the length of the longest line of a diagnostic, in characters: somebody's file may be one line of a megabyte.
const maxLine = 500

func (h *human) Diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) {
	if len(diags) == 0 {
		return
	}
	shown := maps.Clone(files)
	clean := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		c := *d
		c.Summary, c.Detail = harmless(d.Summary), harmless(d.Detail)
		clean[i] = &c
		if d.Subject != nil && files[d.Subject.Filename] != nil {
			f := *files[d.Subject.Filename]
			f.Bytes = disarmed(f.Bytes)
			shown[d.Subject.Filename] = &f
		}
	}
	var text strings.Builder
	hcl.NewDiagnosticTextWriter(&text, shown, uint(h.Width), h.Color).WriteDiagnostics(clean) // a Builder takes everything
	for line := range strings.Lines(text.String()) {
		if utf8.RuneCountInString(line) > maxLine {
			line = string([]rune(line)[:maxLine]) + h.palette.paint(faint, " ...") + "\n"
		}
		io.WriteString(h.Out, line) // to a terminal: nobody to tell
	}
}

// harmless is a text of which each line is printable.
func harmless(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// disarmed is a source text in which question marks stand for what a terminal would obey, each byte in its place.
func disarmed(source []byte) []byte {
	out := bytes.Clone(source)
	for at := 0; at < len(out); {
		r, size := utf8.DecodeRune(out[at:])
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			copy(out[at:at+size], "??")
		}
		at += size
	}
	return out
}
