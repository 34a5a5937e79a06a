package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"viver/planner/source"
	"viver/planner/source/tree"
)

// Get writes the files of the commit with this ID into dir, an empty folder.
func (Git) Get(ctx context.Context, o source.Origin, id, dir string) (err error) {
	if !commit.MatchString(id) {
		return fmt.Errorf("git: %q is no commit", id)
	}
	repository, err := os.MkdirTemp("", "viver-git-")
	if err != nil {
		return fmt.Errorf("git: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(repository)) }()
	if err := download(ctx, repository, o.Location, id); err != nil {
		return fmt.Errorf("%s, commit %s, cannot be fetched: %w", o.Location, id, err)
	}
	list, err := listing(ctx, repository, id)
	if err != nil {
		return fmt.Errorf("git: %s: %w", o, err)
	}
	if err := extract(ctx, repository, list, dir); err != nil {
		return fmt.Errorf("git: %s: %w", o, err)
	}
	return nil
}

// download brings one commit into a new repository. Old servers give no commit that is no tip of theirs: then all of their history has to come.
func download(ctx context.Context, repository, from, id string) error {
	format := "sha1"
	if len(id) == 64 {
		format = "sha256"
	}
	if _, err := run(ctx, "", nil, "init", "--quiet", "--bare", "--template=", "--object-format="+format, repository); err != nil {
		return err
	}
	fetch := []string{"-c", "gc.auto=0", "-c", "maintenance.auto=false", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules"}
	_, first := run(ctx, repository, nil, append(fetch, "--depth=1", "--", from, id)...)
	if first == nil || ctx.Err() != nil {
		return first
	}
	if _, err := run(ctx, repository, nil, append(fetch, "--", from, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")...); err != nil {
		return err
	}
	if _, err := run(ctx, repository, nil, "cat-file", "-e", id+"^{commit}"); err != nil {
		return fmt.Errorf("it is in none of the branches and tags there: %w", first)
	}
	return nil
}

// blob is an entry of the commit with the name of its content.
type blob struct {
	tree.Entry
	id string
}

// listing reads `git ls-tree -r -z -l`: "MODE TYPE ID SIZE<TAB>NAME<NUL>" for each file.
func listing(ctx context.Context, repository, id string) ([]blob, error) {
	out, err := run(ctx, repository, nil, "ls-tree", "-r", "-z", "-l", "--full-tree", id)
	if err != nil {
		return nil, err
	}
	var list []blob
	var entries []tree.Entry
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, name, _ := strings.Cut(line, "\t")
		field := strings.Fields(about)
		if len(field) != 4 || field[1] == "commit" { // a submodule
			continue
		}
		size, err := strconv.ParseInt(field[3], 10, 64)
		kind, known := map[string]tree.Kind{"100644": tree.File, "100664": tree.File, "100755": tree.Executable, "120000": tree.Link}[field[0]]
		if err != nil || !known {
			return nil, fmt.Errorf("%q in it has the unknown form %q", name, about)
		}
		list = append(list, blob{Entry: tree.Entry{Name: name, Kind: kind, Size: size}, id: field[2]})
		if kind != tree.Link { // the target of a link is in its content
			entries = append(entries, list[len(list)-1].Entry)
		}
	}
	return list, tree.Bounded(entries)
}

// extract writes the files, which `git cat-file --batch` gives one after the other: "ID TYPE SIZE<LF>CONTENT<LF>".
func extract(ctx context.Context, repository string, list []blob, dir string) (err error) {
	w, err := tree.NewWriter(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := command(ctx, repository, "cat-file", "--batch")
	var names bytes.Buffer
	for _, b := range list {
		names.WriteString(b.id + "\n")
	}
	c.Stdin = &names
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	reader := bufio.NewReader(out)
	for _, b := range list {
		if err = b.write(w, reader); err != nil {
			cancel()
			break
		}
	}
	if waited := c.Wait(); err == nil {
		err = waited
	}
	return err
}

// maxLink is the length in bytes of the longest target of a link.
const maxLink = 4096

func (b blob) write(w *tree.Writer, from *bufio.Reader) error {
	head, err := from.ReadString('\n')
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s blob %d\n", b.id, b.Size); head != want {
		return fmt.Errorf("git says %q of %s", strings.TrimSpace(head), b.Name)
	}
	content := io.LimitReader(from, b.Size)
	entry := b.Entry
	if b.Kind == tree.Link {
		target, err := io.ReadAll(io.LimitReader(content, maxLink))
		if err != nil {
			return err
		}
		entry.Link, entry.Size = string(target), 0
	}
	if err := w.Add(entry, content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	_, err = from.Discard(1)
	return err
}
