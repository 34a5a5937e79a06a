// Command viver makes diskless networks: it reads what a network shall be, says what there is to do, and does it. This package is flags,
// wiring and printing; one file for each command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"viver/planner/resource"
	"viver/planner/ui"
	"viver/providers/ssh"
)

// version of viver, which required_version in a configuration is compared with.
const version = "0.1.0"

// The exit codes.
const (
	exitOK      = 0
	exitError   = 1
	exitChanges = 2 // plan --detailed-exitcode: there are changes
	exitSignal  = 130
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // a plan is made of many small values that all live to its end: a tenth less time for a tenth more memory
	}
	os.Exit(run(os.Args[1:], types))
}

// errReported ends a command whose errors have been shown already.
var errReported = errors.New("reported")

// errChanges ends a plan that has changes, for --detailed-exitcode.
var errChanges = errors.New("there are changes")

// run is the whole program with the resource types that it shall know, and returns its exit code.
func run(args []string, types typesFunc) int {
	return (&app{types: types, out: os.Stdout, errors: os.Stderr}).run(args)
}

func (a *app) run(args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errChanges):
		return exitChanges
	}
	a.fail(err)
	var remote *ssh.ExitError
	if errors.As(err, &remote) {
		return remote.Status
	}
	var inside insideError
	if errors.As(err, &inside) && inside.Exited() {
		return inside.ExitCode()
	}
	return exitError
}

// fail shows what has not been shown yet of the errors that ended a command.
func (a *app) fail(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			a.fail(e)
		}
		return
	}
	var remote *ssh.ExitError
	var inside insideError
	switch {
	case errors.Is(err, errReported):
	case errors.As(err, &remote), errors.As(err, &inside): // the command that was run has said what there was to say
	case a.json:
		ui.NewJSON(a.out).Diagnostics(hcl.Diagnostics{{Severity: hcl.DiagError, Summary: err.Error()}}, nil)
	default:
		fmt.Fprintf(a.errors, "Error: %v\n", err)
	}
}

// typesFunc makes the resource types for a configuration whose state is in a folder.
type typesFunc func(stateDir string) []resource.Type

// app is what all commands share.
type app struct {
	types       typesFunc
	out, errors io.Writer
	agentPort   int // where machines' agents listen; 0: where they always do

	dir      string   // of the configuration
	vars     []string // NAME=VALUE
	varFiles []string
	json     bool
	detail   bool // of plans
}

// oneDash is a flag as Terraform's users type it: -target=x.
var oneDash = regexp.MustCompile(`^unknown shorthand flag: '.' in (-[a-z][a-z-]+)`)

// wrongFlag adds to the error of a flag what may have been meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	if m := oneDash.FindStringSubmatch(err.Error()); m != nil && cmd.Flags().Lookup(strings.TrimPrefix(m[1], "-")) != nil {
		return fmt.Errorf("%w: long flags have two dashes here: -%s", err, m[1])
	}
	return fmt.Errorf("%w: %s --help lists what there is", err, cmd.CommandPath())
}

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "viver",
		Short: "Make diskless networks",
		Long: `viver turns a room of computers into a diskless network, and takes it down again just as cleanly.

You describe the network in *.viver.hcl files. viver plan says what would be done, viver apply does it, viver destroy
takes everything away. What was done is remembered in the folder .viver beside the files.`,
		Example: `  viver plan                     what is there to do?
  viver apply                    do it, after asking
  viver apply --auto-approve     do it without asking
  viver destroy                  take everything away`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	flags := cmd.PersistentFlags()
	flags.StringVarP(&a.dir, "chdir", "C", ".", "folder of the configuration, a `DIR`")
	flags.BoolVar(&a.json, "json", false, "print events as JSON, one object on each line")
	cmd.SetFlagErrorFunc(wrongFlag)
	cmd.AddCommand(a.commands()...)
	a.complete(cmd)
	return cmd
}
