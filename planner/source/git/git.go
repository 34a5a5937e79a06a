// Package git fetches repositories by the git program. It owns how that is called and what is taken from it: the files of one commit, as they are
// in the repository. Hooks, filters and attributes do not run, and submodules are not followed.
package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"viver/planner/source"
)

// Git fetches what origins of the scheme git name. It is safe for concurrent use.
type Git struct{}

var (
	commit = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	short  = regexp.MustCompile(`^[0-9a-f]{7,63}$`)
)

// Pin returns the commit that the origin means now, and the tag if a version constraint chose one.
func (Git) Pin(ctx context.Context, o source.Origin) (tag, id string, err error) {
	if commit.MatchString(o.Ref) {
		return "", o.Ref, nil
	}
	out, err := run(ctx, "", nil, "ls-remote", "--", o.Location)
	if err != nil {
		return "", "", fmt.Errorf("%s cannot be read: %w", o.Location, err)
	}
	refs := parseRefs(out)
	if o.Version != "" {
		if tag, err = source.Newest(refs.tags(), o.Version); err != nil {
			return "", "", fmt.Errorf("%s: %w", o.Location, err)
		}
		return tag, refs.tag(tag), nil
	}
	switch id = cmp.Or(refs.tag(o.Ref), refs["refs/heads/"+o.Ref]); {
	case o.Ref == "":
		id = refs["HEAD"]
		if id == "" {
			return "", "", fmt.Errorf("%s has no default branch: name a branch with ?ref=NAME", o.Location)
		}
	case id == "" && short.MatchString(o.Ref):
		return "", "", fmt.Errorf("%s has no branch or tag %s: if it is a commit, write all of its digits", o.Location, o.Ref)
	case id == "":
		return "", "", fmt.Errorf("%s has no branch or tag %s", o.Location, o.Ref)
	}
	return "", id, nil
}

// references are commits and tag objects by the full names of their refs; "^{}" after the name of a tag is the commit that it means.
type references map[string]string

func parseRefs(out []byte) references {
	refs := references{}
	for line := range strings.Lines(string(out)) {
		id, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && commit.MatchString(id) {
			refs[name] = id
		}
	}
	return refs
}

func (r references) tag(name string) string {
	return cmp.Or(r["refs/tags/"+name+"^{}"], r["refs/tags/"+name])
}

func (r references) tags() (names []string) {
	for ref := range r {
		if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok && !strings.HasSuffix(name, "^{}") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// inherited are variables that would make git work on another repository, as they do within a hook.
var inherited = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE"}

func environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(inherited, name)
	})
	return append(env, "GIT_ALLOW_PROTOCOL=https:ssh:file", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
}

func command(ctx context.Context, repository string, args ...string) *exec.Cmd {
	if repository != "" {
		args = append([]string{"--git-dir=" + repository}, args...)
	}
	c := exec.CommandContext(ctx, "git", args...)
	c.Env = environment()
	return c
}

// maxOutput bounds what git may print, in bytes.
const maxOutput = 64 << 20

// run returns what git prints; an error has what it says of it.
func run(ctx context.Context, repository string, input []byte, args ...string) ([]byte, error) {
	c := command(ctx, repository, args...)
	out, said := &bounded{}, &bounded{}
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(input), out, said
	err := c.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no program git: install it")
	case err != nil:
		return nil, fmt.Errorf("git ends with %w: %s", err, gist(said.String()))
	}
	return out.Bytes(), nil
}

// gist is the line that says what is wrong, of what git prints.
func gist(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "fatal: "); ok {
			return strings.TrimRight(rest, ".")
		}
	}
	return strings.TrimRight(lines[0], ".")
}

type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("git printed more than %d MiB", maxOutput>>20)
	}
	return b.Buffer.Write(p)
}
