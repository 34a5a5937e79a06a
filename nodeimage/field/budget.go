package field

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseShare reads how much of a machine's memory is given for a share: "25%" of total, or a number of bytes, with KiB, MiB or GiB
// after it if that is clearer. total is in bytes. More than nine tenths of total are refused.
func ParseShare(text string, total int64) (int64, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for suffix, f := range map[string]float64{"%": float64(total) / 100, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, factor = strings.TrimSpace(rest), f
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v >= 0) {
		return 0, fmt.Errorf("field: memory = %q: want a part of the memory such as \"25%%\", or bytes such as \"512MiB\"", text)
	}
	bytes := v * factor
	if bytes > 0.9*float64(total) {
		return 0, fmt.Errorf("field: memory = %q: the machine has %d bytes, of which 90%% at most can be given", text, total)
	}
	return int64(bytes), nil
}
