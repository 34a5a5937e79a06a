// Package lockfile is viver.lock.hcl, the file beside a configuration that says which fetched Pacs it uses, to the byte. It owns the format.
package lockfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/source"
)

// Name is the name of the file.
const Name = "viver.lock.hcl"

// MaxSize is the size in bytes of the largest file that is read.
const MaxSize = 1 << 20

// maxNesting is how deep brackets may stand in each other: the parser calls itself for each, without an end.
const maxNesting = 8

// Pac is what one origin was found to be.
type Pac struct {
	Origin source.Origin
	// Tag is the one that the origin's version constraint chose; empty: it has none.
	Tag string
	// ID is the commit, 40 or 64 hexadecimal digits, or the manifest's digest, "sha256:...".
	ID string
	// Hash is that of all files, as tree.Hash gives it.
	Hash string
}

// Lock is the content of the file: one Pac for each origin. A nil Lock has none.
type Lock map[source.Origin]Pac

// Read reads the file in a folder. Where there is none, the Lock is empty.
func Read(dir string) (Lock, error) {
	name := filepath.Join(dir, Name)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Lock{}, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > MaxSize) {
		err = fmt.Errorf("it is no regular file of at most %d bytes", MaxSize)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(name)
	}
	var l Lock
	if err == nil {
		l, err = Parse(data)
	}
	if err != nil {
		return nil, fmt.Errorf("lock file %s: %w; take it back from version control, or remove it and run viver init", name, err)
	}
	return l, nil
}

// Write writes the file in a folder, as a whole or not at all; where the Lock is empty it removes it. A file that says the same stays untouched.
func (l Lock) Write(dir string) error {
	name := filepath.Join(dir, Name)
	if len(l) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("lock file: %w", err)
		}
		return nil
	}
	data := l.Bytes()
	if old, err := os.ReadFile(name); err == nil && string(old) == string(data) {
		return nil
	}
	if err := renameio.WriteFile(name, data, 0o644, renameio.WithExistingPermissions()); err != nil {
		return fmt.Errorf("lock file %s: %w", name, err)
	}
	return nil
}

const header = `# Written by "viver init": which Pacs this configuration uses, to the byte. Keep it under version control.
`

// Bytes is the file for l.
func (l Lock) Bytes() []byte {
	file := hclwrite.NewEmptyFile()
	for _, p := range l.sorted() {
		file.Body().AppendNewline()
		b := file.Body().AppendNewBlock("pac", []string{p.Origin.Source()}).Body()
		for _, a := range []struct{ name, value string }{{"version", p.Origin.Version}, {"tag", p.Tag}, {"id", p.ID}, {"hash", p.Hash}} {
			if a.value != "" {
				b.SetAttributeValue(a.name, cty.StringVal(a.value))
			}
		}
	}
	return append([]byte(header), hclwrite.Format(file.Bytes())...)
}

func (l Lock) sorted() []Pac {
	var all []Pac
	for _, p := range l {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Pac) int {
		return cmp.Or(strings.Compare(a.Origin.Source(), b.Origin.Source()), strings.Compare(a.Origin.Version, b.Origin.Version))
	})
	return all
}

// Parse reads what Bytes writes.
func Parse(data []byte) (Lock, error) {
	if len(data) > MaxSize || deep(data) {
		return nil, errors.New("it is no lock file")
	}
	file, diags := hclsyntax.ParseConfig(data, Name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "pac", LabelNames: []string{"source"}}}})
	if diags.HasErrors() {
		return nil, diags
	}
	l := Lock{}
	for _, b := range content.Blocks {
		p, err := parsePac(b)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", b.DefRange.Start.Line, err)
		}
		if _, twice := l[p.Origin]; twice {
			return nil, fmt.Errorf("line %d: %s stands here twice", b.DefRange.Start.Line, p.Origin)
		}
		l[p.Origin] = p
	}
	return l, nil
}

func deep(data []byte) bool {
	depth := 0
	for _, c := range data {
		switch c {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		}
		if depth > maxNesting {
			return true
		}
	}
	return false
}

func parsePac(b *hcl.Block) (p Pac, err error) {
	attrs, diags := b.Body.JustAttributes()
	if diags.HasErrors() {
		return p, diags
	}
	given := map[string]string{}
	for name, a := range attrs {
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() || v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
			return p, fmt.Errorf("%s is no string", name)
		}
		given[name] = v.AsString()
	}
	p.Tag, p.ID, p.Hash = given["tag"], given["id"], given["hash"]
	p.Origin, _, err = source.Parse(b.Labels[0], given["version"])
	if err != nil {
		return p, err
	}
	for _, known := range []string{"tag", "id", "hash", "version"} {
		delete(given, known)
	}
	for name := range given {
		return p, fmt.Errorf("%q means nothing here", name)
	}
	return p, p.check(b.Labels[0])
}

var (
	hashForm   = regexp.MustCompile(`^h1:[A-Za-z0-9+/]{43}=$`)
	commitForm = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	tagForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,127}$`)
)

func (p Pac) check(label string) error {
	id := commitForm
	if p.Origin.Scheme == "oci" {
		id = digestForm
	}
	switch {
	case label != p.Origin.Source():
		return fmt.Errorf("%q is not how viver writes this source: %s", label, p.Origin.Source())
	case !id.MatchString(p.ID):
		return fmt.Errorf("%q is no id of what was fetched", p.ID)
	case !hashForm.MatchString(p.Hash):
		return fmt.Errorf("%q is no hash", p.Hash)
	case (p.Tag == "") != (p.Origin.Version == ""), p.Tag != "" && !tagForm.MatchString(p.Tag):
		return errors.New("version and tag belong together")
	}
	if p.Origin.Version == "" {
		return nil
	}
	_, err := version.NewConstraint(p.Origin.Version)
	return err
}
