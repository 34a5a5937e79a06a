package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"viver/planner/format"
)

// formatting is what fmt was asked to do.
type formatting struct {
	*project
	check, diff, recursive bool
}

func (a *app) fmtCommand() *cobra.Command {
	var f formatting
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Bring files into their usual form",
		Long: `fmt brings *.viver.hcl and *.viver.vars files into their usual form, and prints the names of those that it changed. Without a PATH it takes the
configuration's folder; a PATH is a file or a folder, and - is standard input, whose form goes to standard output. Files keep their mode; one
that is no HCL stays as it is.

The exit code is 0 if all went well, 1 after an error, and with --check 2 if a file has another form.`,
		Example: `  viver fmt
  viver fmt --recursive rooms
  viver fmt --check --diff      change nothing, show what would be changed
  viver fmt - <main.viver.hcl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.project = a.open()
			if len(args) == 1 && args[0] == "-" {
				return f.stream(cmd.InOrStdin())
			}
			if len(args) == 0 {
				args = []string{a.dir}
			}
			files, err := format.Files(args, f.recursive)
			if err != nil {
				return err
			}
			return f.all(files)
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "change nothing; exit code 2 if something would be changed")
	cmd.Flags().BoolVar(&f.diff, "diff", false, "show what is changed")
	cmd.Flags().BoolVar(&f.recursive, "recursive", false, "take the folders below, too")
	return cmd
}

// stream formats standard input.
func (f *formatting) stream(in io.Reader) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	formed, diags := format.Source("<stdin>", data)
	if err := f.tell("<stdin>", data, diags); err != nil {
		return err
	}
	if f.diff {
		f.out.Write(diff.Diff("<stdin>", data, "<stdin>", formed)) //nolint:errcheck // to a terminal: nobody to tell
	}
	switch {
	case f.check && !bytes.Equal(data, formed):
		return errChanges
	case !f.check && !f.diff:
		_, err = f.out.Write(formed)
	}
	return err
}

// all formats files; after an error it goes on with the others.
func (f *formatting) all(files []string) error {
	changed := []string{}
	failed := false
	for _, name := range files {
		other, err := f.one(name)
		if err != nil {
			failed = true
			f.fail(err)
		} else if other {
			changed = append(changed, name)
		}
	}
	if f.json {
		if err := f.printJSON(map[string]any{"files": changed}); err != nil {
			return err
		}
	}
	switch {
	case failed:
		return errReported
	case f.check && len(changed) > 0:
		return errChanges
	}
	return nil
}

// one formats a file, and says whether it had another form.
func (f *formatting) one(name string) (changed bool, err error) {
	data, err := format.Read(name)
	if err != nil {
		return false, err
	}
	formed, diags := format.Source(name, data)
	if err := f.tell(name, data, diags); err != nil || bytes.Equal(data, formed) {
		return false, err
	}
	if !f.check {
		if err := format.Write(name, formed); err != nil {
			return false, err
		}
	}
	if !f.json {
		fmt.Fprintln(f.out, name)
		if f.diff {
			f.out.Write(diff.Diff(name, data, name, formed)) //nolint:errcheck // to a terminal: nobody to tell
		}
	}
	return true, nil
}

func (f *formatting) tell(name string, data []byte, diags hcl.Diagnostics) error {
	if len(diags) == 0 {
		return nil
	}
	f.view.Diagnostics(diags, map[string]*hcl.File{name: {Bytes: data}})
	return errReported
}
