package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"viver/providers/fleet"
)

func (a *app) imageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Look at images, and remove those that nothing needs",
		Long:  `An image is what machines boot. These commands show which ones there are, and remove those that nothing needs any more.`,
		Example: `  viver image list
  viver image gc --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.listImagesCommand("list", "  viver image list\n  viver image list --json | jq '.[] | select(.users == null).id'"), a.collectImagesCommand())
	return cmd
}

// imagesCommand is `viver image list`, with less to type.
func (a *app) imagesCommand() *cobra.Command { return a.listImagesCommand("images", "  viver images") }

func (a *app) listImagesCommand(name, example string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: "Show the images that the servers have",
		Long: name + ` asks the servers which images they have, and what each is needed for: nodes that boot it, machines that run it still, units
that serve it. Former images, which nothing needs, go by themselves after ten minutes; the newest of them stays, so that going back to it is quick.
viver image gc removes that one too.`,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listImages(cmd.Context()) },
	}
}

func (a *app) listImages(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	servers, err := a.servers(ctx)
	if err != nil {
		return err
	}
	images, err := a.fleet().Images(ctx, servers)
	if err != nil && len(images) == 0 {
		return err
	}
	if a.json {
		return errors.Join(a.printJSON(images), err)
	}
	return errors.Join(printImages(a.out, images, time.Now()), err)
}

func printImages(out io.Writer, images []fleet.Image, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tIMAGE\tSIZE\tAGE\tNEEDED BY")
	for _, i := range images {
		id := string(i.ID[:min(len(i.ID), len("sha256:")+12)])
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", cmp.Or(i.Server, "(cache)"), id, megabytes(i.Bytes), now.Sub(i.Added).Round(time.Minute), cmp.Or(several(i.Users), "-"))
	}
	return w.Flush()
}

// several joins the first few of many.
func several(names []string) string {
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
