package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// document writes the page classroom.md of figures into a folder.
func document(figures, folder string) error {
	data, err := os.ReadFile(figures)
	if err != nil {
		return err
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%s: %w", figures, err)
	}
	return renameio.WriteFile(filepath.Join(folder, "classroom.md"), []byte(r.page()), 0o644)
}

// page is the table with the words around it.
func (r *Report) page() string {
	return `# How fast a classroom is there

examples/classroom on virtual machines of one computer: a server with a disk, on which an installed Debian runs, and PCs. The time begins with
` + "`viver apply`" + `, when the image is built and the server is on; the PCs are switched on as soon as they can boot. It ends when a pupil has logged in at
each of them with her password, which the directory knows, and has her home from the server.

` + r.table() + `
Measured with ` + "`make bench-pacs`" + `.
`
}
