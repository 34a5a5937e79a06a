package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"viver/planner/source"
	"viver/planner/source/fetch"
)

func (a *app) initCommand() *cobra.Command {
	var upgrade bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Fetch the Pacs that the configuration uses",
		Long: `init fetches the Pacs whose source is git::URL or oci://HOST/NAME:TAG, also those that other Pacs use, into .viver/pacs, and writes
viver.lock.hcl: which commit or manifest each of them is, and the hash of its files. Keep that file under version control. From then
on no network is needed, and everybody gets the same files: one that differs is refused.

Sources:

    ./NAME, ../NAME                       a folder beside the file
    builtin/NAME                          comes with viver
    git::https://HOST/REPO//DIR?ref=TAG   a folder in a git repository; also git::ssh://git@HOST/REPO, git::file:///REPO
    oci://HOST/NAME:TAG                   a registry; log in with docker login or podman login

Instead of a tag, a git or oci source may have a version beside it: version = "~> 1.2".`,
		Example: `  viver init
  viver init --upgrade      ask again what tags, branches and versions mean now
  viver pac vendor          keep the Pacs in vendor/pacs, under version control`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pacs, err := a.fetch(cmd.Context(), fetch.Options{Upgrade: upgrade})
			if err != nil {
				return err
			}
			return a.printFetched(pacs)
		},
	}
	cmd.Flags().BoolVar(&upgrade, "upgrade", false, "ask again what tags, branches and versions mean now")
	return cmd
}

// fetch brings all Pacs of the configuration. Errors have been shown when it returns one.
func (a *app) fetch(ctx context.Context, o fetch.Options) (pacs []fetch.Pac, err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.Dir, o.Fetchers = a.dir, fetchers()
	o.Report = func(p fetch.Pac) { pacs = append(pacs, p) }
	fetching, err := fetch.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	p := a.open()
	diags := p.read(fetching)
	if err := p.report(diags); err != nil {
		return nil, errors.Join(err, fetching.Keep())
	}
	return pacs, fetching.Finish()
}

// found are the Pacs that were fetched already.
func (a *app) found() source.Remote { return &fetch.Found{Dir: a.dir} }

// fetchedJSON is one Pac for programs.
type fetchedJSON struct {
	Source  string    `json:"source"`
	Version string    `json:"version,omitempty"` // the constraint
	Tag     string    `json:"tag,omitempty"`
	ID      string    `json:"id"`
	Hash    string    `json:"hash"`
	Folder  string    `json:"folder"`
	How     fetch.How `json:"how"`
}

func (a *app) printFetched(pacs []fetch.Pac) error {
	if a.json {
		all := []fetchedJSON{}
		for _, p := range pacs {
			all = append(all, fetchedJSON{p.Origin.Source(), p.Origin.Version, p.Tag, p.ID, p.Hash, p.Folder, p.How})
		}
		return a.printJSON(all)
	}
	if len(pacs) == 0 {
		fmt.Fprintln(a.out, "The configuration is ready: it uses no Pacs that have to be fetched.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, p := range pacs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.How, p.Origin.Source(), cmp.Or(p.Tag, shortID(p.ID)), p.Folder)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "The configuration is ready: %d fetched Pacs, locked in viver.lock.hcl.\n", len(pacs))
	return nil
}

// shortID is as much of a commit or digest as people compare.
func shortID(id string) string { return id[:min(len(id), 19)] }
