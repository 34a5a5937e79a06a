package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"viver/planner/pac"
	"viver/planner/source"
	"viver/planner/source/fetch"
)

func (a *app) pacCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pac",
		Short: "Make, keep and share Pacs",
		Long:  `A Pac is a module: a folder with pac.viver.hcl, its inputs, outputs and steps. These commands make new ones and move them about.`,
		Example: `  viver pac new motd
  viver pac test motd
  viver pac doc motd
  viver pac push motd oci://registry.example.org/pacs/motd:1.0.0`,
	}
	cmd.AddCommand(a.pacNew(), a.pacTest(), a.pacDoc(), a.pacVendor(), a.pacPush(), a.pacPull())
	return cmd
}

func (a *app) pacNew() *cobra.Command {
	return &cobra.Command{
		Use:   "new NAME",
		Short: "Make a new Pac that works, to start from",
		Long:  `new makes the folder NAME with a Pac, its README and a test, which passes. Change them step by step.`,
		Example: `  viver pac new motd
  viver pac test motd`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := filepath.Join(a.dir, args[0])
			files, err := pac.New(dir, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"folder": dir, "files": files})
			}
			for _, f := range files {
				fmt.Fprintln(a.out, filepath.Join(dir, f))
			}
			fmt.Fprintf(a.out, "Try it: viver pac test %s\n", quoted(dir))
			return nil
		},
	}
}

func (a *app) pacDoc() *cobra.Command {
	return &cobra.Command{
		Use:   "doc [SOURCE]",
		Short: "Describe a Pac: what it requires, is given and gives",
		Long: `doc prints what a Pac requires, its inputs and its outputs as Markdown, or with --json. SOURCE is a folder, or written as in a pac block;
without it, it is the folder of -C.`,
		Example: `  viver pac doc builtin/netboot
  viver pac doc pacs/motd >>pacs/motd/README.md
  viver pac doc builtin/dhcp --json | jq '.variables[].name'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, name, err := a.pacFolder(args)
			if err != nil {
				return err
			}
			d, diags := pac.Describe(dir, name)
			if len(diags) > 0 {
				a.open().view.Diagnostics(diags, nil)
			}
			switch {
			case diags.HasErrors():
				return errReported
			case a.json:
				return a.printJSON(d)
			}
			return d.Markdown(a.out)
		},
	}
}

// pacFolder finds the folder that is to be described, and its name.
func (a *app) pacFolder(args []string) (source.Dir, string, error) {
	root, err := source.Local(a.dir)
	if err != nil {
		return root, "", fmt.Errorf("pac doc: %w", err)
	}
	if len(args) == 0 {
		return root, filepath.Base(root.Path), nil
	}
	if info, err := os.Stat(filepath.Join(a.dir, args[0])); err == nil && info.IsDir() {
		dir, err := source.Local(filepath.Join(a.dir, args[0]))
		return dir, filepath.Base(dir.Path), err
	}
	dir, err := source.Places{Builtin: builtin(), Remote: a.found()}.Resolve(root, args[0], "")
	if err != nil {
		return dir, "", fmt.Errorf("pac doc: %s: %w", args[0], err)
	}
	return dir, path.Base(filepath.ToSlash(dir.Path)), nil
}

func (a *app) pacVendor() *cobra.Command {
	return &cobra.Command{
		Use:   "vendor",
		Short: "Keep the fetched Pacs beside the configuration",
		Long: `vendor puts the Pacs that viver init would fetch into vendor/pacs, where they can be kept under version control; from then on viver init
puts them there, too. What is there and was changed is replaced by what viver.lock.hcl names.`,
		Example: `  viver pac vendor
  git add vendor/pacs viver.lock.hcl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pacs, err := a.fetch(cmd.Context(), fetch.Options{Vendor: true})
			if err != nil {
				return err
			}
			return a.printFetched(pacs)
		},
	}
}
