package lang

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// maxParseErrors is how many errors of one file are shown: what is no configuration at all has one in each line.
const maxParseErrors = 10

// checkText says why data cannot be a configuration, before a parser sees it; nil if it may be one.
func checkText(name string, data []byte) *hcl.Diagnostic {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			return errorf(place(name, data, at), "Not a text", "The file %s is no UTF-8 text. If it belongs elsewhere, move it away.", name)
		}
		at += size
	}
	if at, problem := tooDeep(data); at >= 0 {
		return errorf(place(name, data, at), "Nested too deep", "The file %s %s.", name, problem)
	}
	return nil
}

// place is the range of one byte. It has no column: the line may be too long to be shown.
func place(name string, data []byte, at int) *hcl.Range {
	pos := hcl.Pos{Line: 1 + bytes.Count(data[:at], []byte{'\n'}), Column: 1, Byte: at}
	return &hcl.Range{Filename: name, Start: pos, End: pos}
}

// few returns diags, shortened where they are more than a person reads.
func few(name string, diags hcl.Diagnostics) hcl.Diagnostics {
	if len(diags) <= maxParseErrors {
		return diags
	}
	more := errorf(nil, "More errors", "%d more errors in %s are not shown.", len(diags)-maxParseErrors, name)
	return append(diags[:maxParseErrors:maxParseErrors], more)
}
