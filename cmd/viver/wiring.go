package main

import (
	"io/fs"

	"viver/pacs"
	"viver/planner/resource"
)

// types are the resource types that viver has.
func types(stateDir string) []resource.Type { return nil }

// builtin are the Pacs that come with viver, for sources "builtin/NAME".
func builtin() fs.FS { return pacs.FS }
