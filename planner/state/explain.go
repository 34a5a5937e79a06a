package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// explain is an error of a state's place, with what to do about it where that is known.
func explain(err error, operation, place string) error {
	advice := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		advice = ": run viver as the user who made " + place + ", or with sudo"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = ": the disk with " + place + " is full: make room there, then run the command again"
	case errors.Is(err, syscall.EROFS):
		advice = ": the disk with " + place + " cannot be written: mount it so that it can, or work in a copy of the folder on another disk"
	}
	return fmt.Errorf("state: %s %s: %w%s", operation, place, err, advice)
}
