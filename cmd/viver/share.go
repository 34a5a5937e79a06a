package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"viver/planner/source"
	"viver/planner/source/oci"
	"viver/planner/source/tree"
)

func (a *app) pacPush() *cobra.Command {
	return &cobra.Command{
		Use:   "push DIR oci://HOST/NAME:TAG",
		Short: "Put a Pac into an OCI registry",
		Long: `push checks the Pac in a folder and puts its files into an OCI registry. The same files always become the same manifest. Who you are there,
docker login or podman login has noted; a registry on this machine's loopback is spoken to without TLS.`,
		Example: `  viver pac push motd oci://registry.example.org/pacs/motd:1.0.0`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := registryTag(args[1])
			if err != nil {
				return err
			}
			at := *a
			at.dir = args[0]
			p := at.open()
			if err := p.report(p.read(at.found())); err != nil {
				return err
			}
			id, err := oci.Registry{}.Push(cmd.Context(), args[0], o.Location, o.Ref)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"source": o.Source(), "id": id})
			}
			fmt.Fprintf(a.out, "%s is %s\n", o.Source(), id)
			return nil
		},
	}
}

// registryTag reads a source that can be pushed to.
func registryTag(text string) (source.Origin, error) {
	o, _, err := source.Parse(text, "")
	if err == nil && (o.Scheme != "oci" || o.Ref == "" || strings.Contains(o.Ref, ":")) {
		err = errors.New("want oci://HOST/NAME:TAG")
	}
	if err != nil {
		return o, fmt.Errorf("pac push: %s: %w", text, err)
	}
	return o, nil
}

func (a *app) pacPull() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "pull SOURCE DIR",
		Short: "Copy a Pac from a registry or a git repository into a folder",
		Long: `pull copies the files of a Pac into a new folder, to look at them or to change them: write source = "./DIR" then. To use a Pac as it is, write
its source in the configuration and run viver init.`,
		Example: `  viver pac pull oci://registry.example.org/pacs/motd:1.0.0 motd
  viver pac pull git::https://example.org/pacs.git//motd motd
  viver pac pull oci://registry.example.org/pacs/motd --version '~> 1.0' motd`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, sub, err := source.Parse(args[0], version)
			if err != nil {
				return fmt.Errorf("pac pull: %s: %w", args[0], err)
			}
			dir := filepath.Join(a.dir, args[1])
			tag, id, err := pull(cmd.Context(), o, sub, dir)
			if err != nil {
				return fmt.Errorf("pac pull: %w", err)
			}
			if a.json {
				return a.printJSON(map[string]string{"source": o.Source(), "tag": tag, "id": id, "folder": dir})
			}
			fmt.Fprintf(a.out, "%s is in %s\n", cmp.Or(tag, shortID(id)), dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "`CONSTRAINT` that the tag must meet, where SOURCE names none: \"~> 1.0\"")
	return cmd
}

// pull copies the folder sub of an origin into dir, which is not there or empty.
func pull(ctx context.Context, o source.Origin, sub, dir string) (tag, id string, err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", "", fmt.Errorf("%s is there already, and is not empty: choose another folder", dir)
	}
	f := fetchers()[o.Scheme]
	if tag, id, err = f.Pin(ctx, o); err != nil {
		return "", "", err
	}
	if sub == "" {
		return tag, id, tree.Replace(dir, func(empty string) error { return f.Get(ctx, o, id, empty) })
	}
	whole, err := os.MkdirTemp("", "viver-pull-")
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(whole)) }()
	if err := f.Get(ctx, o, id, whole); err != nil {
		return "", "", err
	}
	return tag, id, tree.Replace(dir, func(empty string) error { return tree.Copy(filepath.Join(whole, filepath.FromSlash(sub)), empty) })
}
