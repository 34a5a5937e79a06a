package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/planner/source"
)

func TestParse(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, test := range []struct {
		text, version string
		want          source.Origin
		dir           string
	}{
		{"git::https://example.org/pacs.git//web/a?ref=v1.2", "", source.Origin{Scheme: "git", Location: "https://example.org/pacs.git", Ref: "v1.2"}, "web/a"},
		{"git::https://example.org/pacs.git", "~> 1.2", source.Origin{Scheme: "git", Location: "https://example.org/pacs.git", Version: "~> 1.2"}, ""},
		{"git::ssh://git@example.org:2222/a/b//c/", "", source.Origin{Scheme: "git", Location: "ssh://git@example.org:2222/a/b"}, "c"},
		{"git::file:///srv/a/../pacs", "", source.Origin{Scheme: "git", Location: "file:///srv/pacs"}, ""},
		{"oci://example.org:5000/room/web:1.0", "", source.Origin{Scheme: "oci", Location: "example.org:5000/room/web", Ref: "1.0"}, ""},
		{"oci://[::1]:5000/web:1", "", source.Origin{Scheme: "oci", Location: "[::1]:5000/web", Ref: "1"}, ""},
		{"oci://example.org/web@" + digest, "", source.Origin{Scheme: "oci", Location: "example.org/web", Ref: digest}, ""},
		{"oci://example.org/web", ">= 1", source.Origin{Scheme: "oci", Location: "example.org/web", Version: ">= 1"}, ""},
	} {
		got, dir, err := source.Parse(test.text, test.version)
		if err != nil || got != test.want || dir != test.dir {
			t.Errorf("Parse(%s) = %+v, %q, %v, want %+v, %q", test.text, got, dir, err, test.want, test.dir)
			continue
		}
		again, _, err := source.Parse(got.Source(), got.Version)
		if err != nil || again != got {
			t.Errorf("%s became %+v, %v", got, again, err)
		}
	}
}

// What git or ssh would take for an option or a program does not come near them.
func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"git::--upload-pack=touch /tmp/x":           "https, ssh or file",
		"git::-u":                                   "https, ssh or file",
		"git::git://example.org/x":                  "https, ssh or file",
		"git::http://example.org/x":                 "https, ssh or file",
		"git::https:example.org/x":                  "https, ssh or file",
		"git::git@example.org:x":                    "git::ssh://git@HOST/PATH",
		"git::ssh://-oProxyCommand=x/y":             "no host name",
		"git::ssh://-l@example.org/y":               "no user name",
		"git::https://u:secret@example.org/y":       "a password stands in the URL",
		"git::https:///y":                           "no host name",
		"git::file://srv/y":                         "file:///PATH",
		"git::https://example.org":                  "names no repository",
		"git::https://example.org/a//../b":          "no folder within",
		"git::https://example.org/a?ref=--x":        "no name of a branch",
		"git::https://example.org/a?ref=a..b":       "no name of a branch",
		"git::https://example.org/a?depth=1":        "than ?ref=NAME",
		"git::https://example.org/a?ref=x#y":        "than ?ref=NAME",
		"oci://example.org/Web:1":                   "lower-case NAME",
		"oci://example.org":                         "lower-case NAME",
		"oci://-x/web:1":                            "lower-case NAME",
		"oci://example.org/web":                     "names no tag",
		"oci://example.org/web@sha256:12":           "lower-case NAME",
		"https://example.org/x":                     "want git::URL",
		"git::https://example.org/a\x00b":           "is no URL",
		"git::https://example.org/" + "%" + "zz/..": "is no URL",
	} {
		_, _, err := source.Parse(text, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want an error with %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	if _, _, err := source.Parse("oci://example.org/web:1", "~> 1"); err == nil || !strings.Contains(err.Error(), "leave one of them out") {
		t.Errorf("a tag and a version: %v", err)
	}
}

// folders is a Remote with one folder for everything.
type folders string

func (f folders) Folder(o source.Origin) (string, error) {
	if o.Ref == "gone" {
		return "", errors.New("it is not fetched yet")
	}
	return string(f), nil
}

func TestResolveFetched(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "web", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := source.Places{Builtin: builtin, Remote: folders(root)}
	web, err := p.Resolve(source.Dir{}, "git::https://example.org/x//web", "")
	if err != nil || web.Path != filepath.Join(root, "web") {
		t.Fatalf("Resolve: %s, %v", web.Path, err)
	}
	for name, want := range map[string]string{"./sub": "web/sub", "../": "", "../web": "web", "git::https://example.org/x": ""} {
		d, err := p.Resolve(web, name, "")
		if err != nil || d.Path != filepath.Join(root, want) {
			t.Errorf("Resolve(%s) = %s, %v", name, d.Path, err)
		}
	}
	for _, test := range []struct{ source, version, want string }{
		{"../..", "", "leads out of what was fetched"},
		{"../../" + filepath.Base(root) + "x", "", "leads out of what was fetched"},
		{"./none", "", "no such file"},
		{"git::https://example.org/x?ref=gone", "", "not fetched yet"},
		{"builtin/dhcp", "~> 1", "only where it is fetched"},
	} {
		if _, err := p.Resolve(web, test.source, test.version); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Resolve(%s): %v, want an error with %q", test.source, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("git::ssh://git@example.org/a//b?ref=c", "~> 1")
	f.Add("oci://example.org/a:b", "")
	f.Fuzz(func(t *testing.T, text, version string) {
		o, dir, err := source.Parse(text, version)
		if err != nil {
			return
		}
		if strings.HasPrefix(o.Location, "-") || strings.HasPrefix(o.Ref, "-") || strings.HasPrefix(dir, "/") || strings.HasPrefix(dir, "..") {
			t.Errorf("Parse(%q) = %+v, %q", text, o, dir)
		}
		if again, _, err := source.Parse(o.Source(), version); err != nil || again != o {
			t.Errorf("%+v became %+v, %v", o, again, err)
		}
	})
}
