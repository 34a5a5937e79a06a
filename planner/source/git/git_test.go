package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"viver/planner/source"
	"viver/planner/source/git"
	"viver/planner/source/tree"
)

// repository makes a repository with two commits; v1.0.0 and the annotated v1.1.0 are the first, main and HEAD the second.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	script(t, dir, `
		git init -q -b main
		git config user.email a@example.org && git config user.name A
		mkdir bin && printf '#!/bin/sh\n' >bin/run && chmod +x bin/run
		printf 'one\r\n' >pac.viver.hcl && ln -s bin/run link
		printf '*.hcl filter=evil text eol=lf\n' >.gitattributes
		git -c core.autocrlf=false add . && git commit -qm one && git tag v1.0.0 && git tag -am x v1.1.0 && git tag other
		printf 'two\n' >pac.viver.hcl && git commit -qam two`)
	return dir
}

func script(t *testing.T, dir, text string) string {
	t.Helper()
	c := exec.Command("sh", "-euc", text)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return strings.TrimSpace(string(out))
}

func origin(dir, ref, version string) source.Origin {
	return source.Origin{Scheme: "git", Location: "file://" + dir, Ref: ref, Version: version}
}

func TestPin(t *testing.T) {
	dir := repository(t)
	first, second := script(t, dir, "git rev-parse v1.0.0"), script(t, dir, "git rev-parse main")
	for _, test := range []struct{ ref, version, tag, id string }{
		{"", "", "", second},
		{"main", "", "", second},
		{"v1.1.0", "", "", first},
		{first, "", "", first},
		{"", "~> 1.0", "v1.1.0", first},
		{"", "1.0.0", "v1.0.0", first},
	} {
		tag, id, err := git.Git{}.Pin(t.Context(), origin(dir, test.ref, test.version))
		if err != nil || tag != test.tag || id != test.id {
			t.Errorf("Pin(%q, %q) = %s, %s, %v, want %s, %s", test.ref, test.version, tag, id, err, test.tag, test.id)
		}
	}
	for _, test := range []struct{ dir, ref, version, want string }{
		{dir, "none", "", "no branch or tag none"},
		{dir, first[:8], "", "all of its digits"},
		{dir, "", "~> 2", "none of its 2 tags"},
		{dir + "x", "", "", "does not appear to be a git repository"},
	} {
		_, _, err := git.Git{}.Pin(t.Context(), origin(test.dir, test.ref, test.version))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Pin(%q, %q): %v, want an error with %q", test.ref, test.version, err, test.want)
		}
	}
}

// What is written is what the repository has, whatever attributes and the operator's configuration say.
func TestGet(t *testing.T) {
	dir := repository(t)
	first := script(t, dir, "git rev-parse v1.0.0")
	to := t.TempDir()
	if err := (git.Git{}).Get(t.Context(), origin(dir, "v1.0.0", ""), first, to); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(to, "pac.viver.hcl")); err != nil || string(data) != "one\n" && string(data) != "one\r\n" {
		t.Errorf("pac.viver.hcl: %q, %v", data, err)
	}
	list, err := tree.List(to)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, string(e.Kind)+" "+e.Name+e.Link)
	}
	if want := "file .gitattributes, exec bin/run, link linkbin/run, file pac.viver.hcl"; strings.Join(got, ", ") != want {
		t.Errorf("the tree has %s, want %s", strings.Join(got, ", "), want)
	}
}

// A server that gives only the tips of its branches still has the commit in its history.
func TestGetFromOldServer(t *testing.T) {
	dir := repository(t)
	script(t, dir, "git tag -d v1.0.0 v1.1.0 other; git config uploadpack.allowAnySHA1InWant false; git config protocol.version 0")
	first := script(t, dir, "git rev-parse main~1")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.version")
	t.Setenv("GIT_CONFIG_VALUE_0", "0")
	to := t.TempDir()
	if err := (git.Git{}).Get(t.Context(), origin(dir, "main", ""), first, to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, "pac.viver.hcl")); err != nil {
		t.Error(err)
	}
}

func TestGetRefuses(t *testing.T) {
	dir := repository(t)
	script(t, dir, "ln -s /etc/passwd out && git add out && git commit -qm out")
	leaving := script(t, dir, "git rev-parse main")
	for id, want := range map[string]string{
		leaving:                 "out of the folder",
		strings.Repeat("0", 40): "in none of the branches and tags",
		"main":                  "is no commit",
	} {
		err := git.Git{}.Get(t.Context(), origin(dir, "", ""), id, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Get(%s): %v, want an error with %q", id, err, want)
		}
	}
}
