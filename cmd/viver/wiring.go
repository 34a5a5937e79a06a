package main

import (
	"io/fs"
	"path/filepath"

	"viver/pacs"
	"viver/planner/resource"
	"viver/planner/source/fetch"
	"viver/planner/source/git"
	"viver/planner/source/oci"
	"viver/providers"
)

// types are the resource types that viver has.
func types(stateDir string) []resource.Type {
	return providers.All(providers.Options{CADir: authorityDir(stateDir)})
}

// authorityDir is where the cluster's certificate authority is kept: beside the state.
func authorityDir(stateDir string) string { return filepath.Join(stateDir, "ca") }

// builtin are the Pacs that come with viver, for sources "builtin/NAME".
func builtin() fs.FS { return pacs.FS }

// fetchers bring the Pacs that come from elsewhere, by the schemes of their sources.
func fetchers() map[string]fetch.Fetcher {
	return map[string]fetch.Fetcher{"git": git.Git{}, "oci": oci.Registry{}}
}
