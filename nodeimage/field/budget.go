package field

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"viver/nodeimage/spec"
)

// DefaultShare is the part of a machine's memory that holds a share, in the form of ParseShare, where nobody has said another.
const DefaultShare = "25%"

// maxPercent is the largest part of a machine's memory that can be given for a share.
const maxPercent = 90

// ParseShare reads how much of a machine's memory is given for a share: "25%" of total, or a number of bytes, with KiB, MiB or GiB
// after it if that is clearer. total is in bytes. More than nine tenths of total are refused.
func ParseShare(text string, total int64) (int64, error) {
	n, percent, err := readShare(text)
	if err != nil {
		return 0, err
	}
	if percent {
		n *= float64(total) / 100
	}
	if n > float64(total)*maxPercent/100 {
		return 0, fmt.Errorf("field: memory = %q: the machine has %d bytes, of which %d%% at most can be given", text, total, maxPercent)
	}
	return int64(n), nil
}

// ShareOf returns how many of a machine's bytes of memory hold a share, as its node says; f may be nil. The error is that of ParseShare.
func ShareOf(f *spec.FieldSpec, total int64) (int64, error) {
	text := DefaultShare
	if f != nil {
		text = cmp.Or(f.Memory, DefaultShare)
	}
	return ParseShare(text, total)
}

// CheckShare says what is wrong with the form of a share, whatever the machine's memory.
func CheckShare(text string) error {
	n, percent, err := readShare(text)
	if err == nil && percent && n > maxPercent {
		return fmt.Errorf("field: memory = %q: %d%% at most can be given", text, maxPercent)
	}
	return err
}

// readShare returns a number of bytes, or of hundredths of the memory.
func readShare(text string) (n float64, percent bool, err error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	if percent {
		n, err = parseNumber(number)
	} else {
		n, err = parseBytes(number)
	}
	if err != nil {
		return 0, false, fmt.Errorf("field: memory = %q: want a part of the memory such as \"25%%\", or bytes such as \"512MiB\"", text)
	}
	return n, percent, nil
}

// maxBytes is more than any machine's memory or image has, and small enough that sums of a few such numbers are exact.
const maxBytes = 1 << 50

// ParseBytes reads a number of bytes, with KiB, MiB or GiB after it if that is clearer: "64MiB", "1.5 GiB", "4096".
func ParseBytes(text string) (int64, error) {
	n, err := parseBytes(text)
	if err != nil || n > maxBytes {
		return 0, fmt.Errorf("field: %q is no number of bytes such as \"64MiB\"", text)
	}
	return int64(n), nil
}

func parseBytes(text string) (float64, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, factor = rest, float64(int64(1)<<(10*(i+1)))
		}
	}
	n, err := parseNumber(number)
	return n * factor, err
}

// parseNumber reads a number that is not negative.
func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err == nil && !(n >= 0) {
		err = strconv.ErrRange
	}
	return n, err
}
