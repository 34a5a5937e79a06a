// Table writes the table of the Pacs that come with viver into docs/pacs.md. All that it says is read from the Pacs and from the tests that use
// them; its own test fails when the page is stale.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

//go:generate go run . ../../..

const page = "docs/pacs.md"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table FOLDER, where FOLDER is the module's")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	name := filepath.Join(root, page)
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	after, err := renewed(os.DirFS(root), before)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return renameio.WriteFile(name, after, 0o644)
}

// The lines between which the table stands.
const (
	begin = "<!-- begin of the table: go generate ./testing/pacs/table -->\n"
	end   = "<!-- end of the table -->\n"
)

// renewed returns the page with the table as it has to be.
func renewed(root fs.FS, page []byte) ([]byte, error) {
	head, rest, found := bytes.Cut(page, []byte(begin))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !found || !ended {
		return nil, fmt.Errorf("the page has no place for the table: write the lines %q and %q", begin, end)
	}
	table, err := makeTable(root)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{head, []byte(begin), table, []byte(end), tail}, nil), nil
}
