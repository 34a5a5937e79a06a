package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"

	"viver/planner/apply"
	"viver/planner/state"
)

// keepUnrecorded keeps what apply has done and could not write to the state, in a file that can be put there later. The error says so.
func (p *project) keepUnrecorded(result *apply.Result, store state.Writer) error {
	if len(result.Unrecorded) == 0 {
		return nil
	}
	next := store.State()
	serial := next.Serial + 1 // the next one that anybody gives: a state that was changed by somebody else since does not take it
	for _, c := range result.Unrecorded {
		next.Apply(c)
	}
	next.Serial = serial
	path := filepath.Join(p.stateDir, "unrecorded-"+strconv.FormatUint(serial, 10)+".json")
	data, err := state.Encode(next)
	if err == nil {
		err = os.MkdirAll(p.stateDir, 0o700)
	}
	if err == nil {
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("what was done and not written to the state could not be kept beside it either: %w: the next apply does it again", err)
	}
	push := []string{"state", "push", path}
	if p.dir != "." {
		push = append(push, "-C", p.dir)
	}
	return fmt.Errorf("what was done and not written to the state is in %s: once the state can be written again, `%s` puts it there, if nobody else has changed the state since; "+
		"without that the next apply does it again", path, p.commandOf(push))
}
