package build

import (
	"os"
	"strings"
)

// Distribution is the ID in os-release(5) that an image of s will have: "debian". It is empty where that cannot be said: the tree is not there.
func (s Source) Distribution() string {
	if s.suite() != "" {
		return "debian"
	}
	t, err := os.OpenRoot(s.dir())
	if err != nil {
		return ""
	}
	defer t.Close()
	id, _, _ := strings.Cut(distribution(t), " ")
	return id
}

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
