package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"viver/planner/state"
	"viver/planner/state/statetest"
)

func TestFolderIsABackend(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Site {
		dir := filepath.Join(t.TempDir(), state.Folder)
		return statetest.Site{
			Backend: func() state.Backend { return state.Dir(dir) },
			Bytes:   func(t *testing.T) []byte { return bytesOf(t, dir) },
		}
	})
}

// bytesOf is all that the files of a folder hold.
func bytesOf(t *testing.T, dir string) (all []byte) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}
