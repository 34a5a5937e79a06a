package lang

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty/function"
)

// pathFunctions calculate with the names of files, and do not look for them.
func pathFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abspath":    textFunction("path", func(s string) (string, error) { p, err := filepath.Abs(s); return filepath.ToSlash(p), err }),
		"basename":   textFunction("path", infallible(filepath.Base)),
		"dirname":    textFunction("path", infallible(filepath.Dir)),
		"pathexpand": textFunction("path", expandHome),
	}
}

// expandHome puts the home folder of this user in the place of "~".
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		if strings.HasPrefix(path, "~") {
			return "", errors.New("only ~/ is known, the home folder of the user who runs viver")
		}
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("this user has no home folder: the variable HOME is not set")
	}
	return filepath.Join(home, path[1:]), nil
}
