package fetch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/planner/source"
	"viver/planner/source/fetch"
	"viver/planner/source/lockfile"
)

// shelf is a Fetcher of texts: for each origin the ID that it means now, and for each ID the one file.
type shelf struct {
	now   map[source.Origin]string
	texts map[string]string
	calls []string
}

func (s *shelf) Pin(_ context.Context, o source.Origin) (tag, id string, err error) {
	s.calls = append(s.calls, "pin")
	if s.now[o] == "" {
		return "", "", errors.New("there is no such thing")
	}
	return "", s.now[o], nil
}

func (s *shelf) Get(_ context.Context, _ source.Origin, id, dir string) error {
	s.calls = append(s.calls, "get")
	return os.WriteFile(filepath.Join(dir, "pac.viver.hcl"), []byte(s.texts[id]), 0o644)
}

func (s *shelf) called() string {
	all := strings.Join(s.calls, " ")
	s.calls = nil
	return all
}

var (
	web = source.Origin{Scheme: "git", Location: "https://example.org/Pacs/Web.git", Ref: "main"}
	log = source.Origin{Scheme: "git", Location: "https://example.org/log"}
	one = strings.Repeat("1", 40)
	two = strings.Repeat("2", 40)
)

func newShelf() *shelf {
	return &shelf{now: map[source.Origin]string{web: one, log: one}, texts: map[string]string{one: "one", two: "two"}}
}

// room is a configuration with a shelf to fetch from.
type room struct {
	*testing.T
	dir   string
	shelf *shelf
}

// fetch fetches origins, and returns how they came.
func (r room) fetch(o fetch.Options, origins ...source.Origin) (string, error) {
	r.Helper()
	var how []string
	o.Dir, o.Fetchers = r.dir, map[string]fetch.Fetcher{"git": r.shelf}
	o.Report = func(p fetch.Pac) { how = append(how, string(p.How)) }
	f, err := fetch.Start(r.Context(), o)
	if err != nil {
		r.Fatal(err)
	}
	for _, origin := range origins {
		if _, err := f.Folder(origin); err != nil {
			return "", errors.Join(err, f.Keep())
		}
	}
	return strings.Join(how, " "), f.Finish()
}

func (r room) want(wantHow, wantCalls, how string, err error) {
	r.Helper()
	if called := r.shelf.called(); err != nil || how != wantHow || called != wantCalls {
		r.Errorf("came by %q with calls %q, %v; want %q, %q", how, called, err, wantHow, wantCalls)
	}
}

// text is what a plan would find of an origin.
func (r room) text(o source.Origin) (string, error) {
	r.Helper()
	folder, err := (&fetch.Found{Dir: r.dir}).Folder(o)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(folder, "pac.viver.hcl"))
	return string(data), err
}

func (r room) wantText(o source.Origin, want string) {
	r.Helper()
	if got, err := r.text(o); err != nil || got != want {
		r.Errorf("%s has %q, %v, want %q", o, got, err, want)
	}
}

func (r room) change(folder string) {
	r.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, folder, "*", "pac.viver.hcl"))
	if err != nil || len(files) == 0 {
		r.Fatalf("nothing to change: %v", err)
	}
	if err := os.WriteFile(files[0], []byte("changed"), 0o644); err != nil {
		r.Fatal(err)
	}
}

func TestFetchOnce(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	var missing *fetch.NotFetchedError
	if _, err := r.text(web); !errors.As(err, &missing) {
		t.Errorf("nothing was fetched: %v", err)
	}
	how, err := r.fetch(fetch.Options{}, web, log, web)
	r.want("fetched fetched", "pin get pin get", how, err)
	r.wantText(web, "one")
	// What is locked stays, whatever its source says by now, and needs no network.
	r.shelf.now[web] = two
	how, err = r.fetch(fetch.Options{}, web, log)
	r.want("kept kept", "", how, err)
	how, err = r.fetch(fetch.Options{Upgrade: true}, web, log)
	r.want("fetched kept", "pin get pin", how, err)
	r.wantText(web, "two")
	// Another machine gets the same from the lock file.
	if err := os.RemoveAll(filepath.Join(r.dir, ".viver")); err != nil {
		t.Fatal(err)
	}
	how, err = r.fetch(fetch.Options{}, web, log)
	r.want("fetched fetched", "get get", how, err)
	// What nobody asks for goes.
	how, err = r.fetch(fetch.Options{}, log)
	r.want("kept", "", how, err)
	if _, err := r.text(web); !errors.As(err, &missing) {
		t.Errorf("it is still there: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(r.dir, fetch.CacheFolder)); err != nil || len(left) != 1 || !strings.HasPrefix(left[0].Name(), "example-org-log-") {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestChangedTreeIsRefused(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	if _, err := r.fetch(fetch.Options{}, web); err != nil {
		t.Fatal(err)
	}
	r.change(fetch.CacheFolder)
	_, err := r.text(web)
	var changed *fetch.ChangedError
	if !errors.As(err, &changed) || changed.Want == changed.Found {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{web.Source(), changed.Want, changed.Found, "viver init", "./NAME"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message says nothing of %s: %v", part, err)
		}
	}
	r.shelf.called()
	how, err := r.fetch(fetch.Options{}, web)
	r.want("fetched", "get", how, err)
	r.wantText(web, "one")
}

func TestChangedSourceIsRefused(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	if _, err := r.fetch(fetch.Options{}, web); err != nil {
		t.Fatal(err)
	}
	r.change(fetch.CacheFolder)
	r.shelf.texts[one] = "something else under the same name"
	if _, err := r.fetch(fetch.Options{}, web); err == nil || !strings.Contains(err.Error(), "viver init --upgrade") {
		t.Errorf("%v", err)
	}
	if _, err := r.text(web); err == nil || !strings.Contains(err.Error(), "viver init") {
		t.Errorf("%v", err)
	}
}

func TestVendor(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	how, err := r.fetch(fetch.Options{}, web)
	r.want("fetched", "pin get", how, err)
	how, err = r.fetch(fetch.Options{Vendor: true}, web)
	r.want("copied", "", how, err)
	if err := os.RemoveAll(filepath.Join(r.dir, ".viver")); err != nil {
		t.Fatal(err)
	}
	r.wantText(web, "one")
	how, err = r.fetch(fetch.Options{}, web)
	r.want("kept", "", how, err)
	// The operator's folder is not written over by a plain init.
	r.change(fetch.VendorFolder)
	var changed *fetch.ChangedError
	if _, err := r.fetch(fetch.Options{}, web); !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
	r.shelf.called()
	how, err = r.fetch(fetch.Options{Vendor: true}, web)
	r.want("fetched", "get", how, err)
	r.wantText(web, "one")
}

// After a failure nothing that was locked is forgotten.
func TestFailureKeepsTheLock(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	if _, err := r.fetch(fetch.Options{}, web); err != nil {
		t.Fatal(err)
	}
	other := source.Origin{Scheme: "git", Location: "https://example.org/none"}
	if _, err := r.fetch(fetch.Options{}, log, other); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("%v", err)
	}
	r.wantText(web, "one")
	r.wantText(log, "one")
	if l, err := lockfile.Read(r.dir); err != nil || len(l) != 2 {
		t.Errorf("the lock file has %v, %v", l, err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	r := room{t, t.TempDir(), newShelf()}
	o := fetch.Options{Dir: r.dir, Fetchers: map[string]fetch.Fetcher{"git": r.shelf}}
	first, err := fetch.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Folder(web); err != nil {
		t.Fatal(err)
	}
	if _, err := r.fetch(fetch.Options{}, log); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("%v", err)
	}
	if err := first.Finish(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.fetch(fetch.Options{}, web, log); err != nil {
		t.Error(err)
	}
}
