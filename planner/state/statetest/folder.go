package statetest

import (
	"os"
	"path/filepath"
	"testing"
)

// FolderBytes is all that the files of a folder hold. The folder must be there.
func FolderBytes(t *testing.T, dir string) (all []byte) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}
