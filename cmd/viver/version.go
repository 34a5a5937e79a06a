package main

import (
	"debug/buildinfo"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"viver/providers"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  `version prints the version of viver; with --json also what it was built from, and which viver-node it would put on machines.`,
		Example: `  viver version
  viver version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(versions())
			}
			fmt.Fprintf(a.out, "viver %s\n", version)
			return nil
		},
	}
}

// versionJSON is what version --json prints.
type versionJSON struct {
	Version    string            `json:"version"`
	Revision   string            `json:"revision"` // the commit; empty: not known
	Go         string            `json:"go"`
	Platform   string            `json:"platform"`
	Components map[string]string `json:"components"` // Go modules with their versions
	Node       *nodeJSON         `json:"viver_node"` // null: there is none
}

type nodeJSON struct {
	Path     string `json:"path"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

func versions() versionJSON {
	v := versionJSON{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Components: map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Revision = revision(info)
		for _, m := range info.Deps {
			v.Components[m.Path] = m.Version
		}
	}
	if path, err := providers.FindNode(); err == nil {
		v.Node = &nodeJSON{Path: path}
		if info, err := buildinfo.ReadFile(path); err == nil {
			v.Node.Revision, v.Node.Go = revision(info), info.GoVersion
		}
	}
	return v
}

// revision is the commit that a program was built from; empty if that is not known.
func revision(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
