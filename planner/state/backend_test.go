package state_test

import (
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
			Bytes:   func(t *testing.T) []byte { return statetest.FolderBytes(t, dir) },
		}
	})
}
