package build

import (
	"os"
	"strings"
)

// distribution returns ID and VERSION_ID of a tree's os-release(5), "debian 12"; just ID for a rolling distribution, and "linux",
// the default of the format, when there is none.
func distribution(t *os.Root) string {
	values := map[string]string{"ID": "linux"}
	for _, path := range []string{"etc/os-release", "usr/lib/os-release"} {
		data, err := t.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				values[name] = strings.Trim(value, `"'`)
			}
		}
		break
	}
	return strings.TrimSpace(values["ID"] + " " + values["VERSION_ID"])
}
