// Package mountinfo finds out what is mounted where, from the kernel's list (proc_pid_mountinfo(5)).
package mountinfo

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Below returns the mount points of this process that are dir or below it, in the order in which they can be unmounted: those that
// lie deepest first, and of several on one point the last one that was mounted. A point stands in it once for each mount. dir is
// absolute and clean.
func Below(dir string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("mount points below %s: %w", dir, err)
	}
	defer f.Close()
	points, err := below(f, dir)
	if err != nil {
		return nil, fmt.Errorf("mount points below %s: %w", dir, err)
	}
	return points, nil
}

func below(mountinfo io.Reader, dir string) ([]string, error) {
	var points []string
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20) // an overlay's options name all its layers
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		if p := unescape(fields[4]); p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") {
			points = append(points, p)
		}
	}
	slices.Reverse(points)
	// A moved tree keeps the numbers of its mounts, so the order alone does not do.
	slices.SortStableFunc(points, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	return points, lines.Err()
}

// unescape undoes the octal escapes: \040 is a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
