package source

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Origin is where a Pac that has to be fetched comes from. It is comparable.
type Origin struct {
	Scheme string // "git" or "oci"
	// Location is the repository: a URL for git, HOST/NAME for oci.
	Location string
	// Ref is the branch, tag or commit, or the tag or digest ("sha256:...") that the source names; empty: what Version says, or else git's
	// default branch.
	Ref string
	// Version is a constraint which tags must meet: "~> 1.2"; empty: none.
	Version string
}

const (
	gitPrefix = "git::"
	ociPrefix = "oci://"
)

// Source returns the source string without a folder in it and without the version constraint.
func (o Origin) Source() string {
	switch {
	case o.Scheme == "git" && o.Ref != "":
		return gitPrefix + o.Location + "?ref=" + url.QueryEscape(o.Ref)
	case o.Scheme == "git":
		return gitPrefix + o.Location
	case strings.Contains(o.Ref, ":"):
		return ociPrefix + o.Location + "@" + o.Ref
	case o.Ref != "":
		return ociPrefix + o.Location + ":" + o.Ref
	}
	return ociPrefix + o.Location
}

// String is the origin for messages.
func (o Origin) String() string {
	if o.Version == "" {
		return o.Source()
	}
	return o.Source() + " " + o.Version
}

// Parse reads a source string of a Pac that has to be fetched, and the version constraint beside it. Dir is the folder within the repository.
func Parse(source, version string) (o Origin, dir string, err error) {
	rest, isGit := strings.CutPrefix(source, gitPrefix)
	if isGit {
		o, dir, err = parseGit(rest)
	} else if rest, isOCI := strings.CutPrefix(source, ociPrefix); isOCI {
		o, err = parseOCI(rest)
		if err == nil && o.Ref == "" && version == "" {
			err = errors.New(`it names no tag: write "` + source + `:TAG", or add version = "~> 1.0"`)
		}
	} else {
		err = errNoOrigin
	}
	if err == nil && o.Ref != "" && version != "" {
		err = fmt.Errorf("it names %s, and version %q too: leave one of them out", o.Ref, version)
	}
	o.Version = version
	return o, dir, err
}

var errNoOrigin = errors.New("want git::URL or oci://HOST/NAME:TAG")

// Fetched reports whether a source is one that Parse reads: one that has to be fetched before it can be used.
func Fetched(source string) bool {
	return strings.HasPrefix(source, gitPrefix) || strings.HasPrefix(source, ociPrefix)
}

// gitSchemes are the protocols that are used. git has more, some of which run programs.
var gitSchemes = []string{"https", "ssh", "file"}

var (
	refForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,254}$`)
	hostForm = regexp.MustCompile(`^[A-Za-z0-9\[]`)
	userForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

func parseGit(text string) (o Origin, dir string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return o, "", fmt.Errorf("%q is no URL: write git::https://HOST/PATH, or git::ssh://git@HOST/PATH for git@HOST:PATH", text)
	}
	if !slices.Contains(gitSchemes, u.Scheme) || u.Opaque != "" {
		return o, "", fmt.Errorf("want a URL with https, ssh or file after git::, not %q", text)
	}
	query := u.Query()
	ref := query.Get("ref")
	if query.Del("ref"); len(query) > 0 || u.Fragment != "" {
		return o, "", fmt.Errorf("%q has more after its path than ?ref=NAME", text)
	}
	if ref != "" && !refForm.MatchString(ref) || strings.Contains(ref, "..") {
		return o, "", fmt.Errorf("%q is no name of a branch, a tag or a commit", ref)
	}
	if err := checkHost(u); err != nil {
		return o, "", err
	}
	repository, dir, _ := strings.Cut(u.Path, "//")
	if dir = strings.Trim(dir, "/"); dir != "" && !fs.ValidPath(dir) {
		return o, "", fmt.Errorf("%q is no folder within the repository", dir)
	}
	if repository = path.Clean("/" + repository); repository == "/" {
		return o, "", fmt.Errorf("%q names no repository", text)
	}
	where := url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: repository}
	return Origin{Scheme: "git", Location: where.String(), Ref: ref}, dir, nil
}

// checkHost refuses what ssh or git would take for an option, and passwords: a configuration is no place for them.
func checkHost(u *url.URL) error {
	if u.Scheme == "file" {
		if u.Host != "" || u.User != nil {
			return fmt.Errorf("write file:///PATH, with three slashes, not %q", u.Redacted())
		}
		return nil
	}
	if !hostForm.MatchString(u.Host) {
		return fmt.Errorf("%q is no host name", u.Host)
	}
	if u.User == nil {
		return nil
	}
	if _, has := u.User.Password(); has {
		return errors.New("a password stands in the URL: take it out, and let git's credential helper or an SSH key do its work")
	}
	if !userForm.MatchString(u.User.Username()) {
		return fmt.Errorf("%q is no user name", u.User.Username())
	}
	return nil
}

// ociForm is the grammar of the distribution specification (name, reference), with the host before it.
var ociForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?)` +
	`/([a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)` +
	`(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127})|@(sha256:[0-9a-f]{64}))?$`)

func parseOCI(text string) (Origin, error) {
	parts := ociForm.FindStringSubmatch(text)
	if parts == nil || len(text) > 512 {
		return Origin{}, fmt.Errorf("want oci://HOST/NAME:TAG with a lower-case NAME, not %q", ociPrefix+text)
	}
	return Origin{Scheme: "oci", Location: parts[1] + "/" + parts[2], Ref: parts[3] + parts[4]}, nil
}
