package depmod

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Encode returns the files that Read reads x from, by name.
func (x *Index) Encode() map[string][]byte {
	var dep, aliases, soft bytes.Buffer
	for _, file := range slices.Sorted(maps.Keys(x.Deps)) {
		fmt.Fprintln(&dep, strings.Join(append([]string{file + ":"}, x.Deps[file]...), " "))
	}
	for _, a := range x.Aliases {
		fmt.Fprintf(&aliases, "alias %s %s\n", a.Pattern, a.Module)
	}
	for _, s := range x.Soft {
		words := append(append([]string{"softdep", s.Module, "pre:"}, s.Pre...), "post:")
		fmt.Fprintln(&soft, strings.Join(append(words, s.Post...), " "))
	}
	return map[string][]byte{
		"modules.dep": dep.Bytes(), "modules.alias": aliases.Bytes(), "modules.softdep": soft.Bytes(), "modules.builtin": x.Builtin,
	}
}
