// Package fetch is the fetched Pacs of one configuration: the folders that they are in and the lock file that says what they must be. Found uses them, which
// never needs a network; Fetching brings and locks them. How a repository is read is its fetcher's business.
//
// Pacs are in vendor/pacs, where the operator keeps them under version control (viver pac vendor), or else in .viver/pacs, where viver init
// puts them. A folder is named after its origin, with a part of the origin's hash.
package fetch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"viver/planner/source"
	"viver/planner/source/lockfile"
	"viver/planner/source/tree"
)

// The folders for fetched Pacs, beside the configuration.
const (
	VendorFolder = "vendor/pacs"
	CacheFolder  = ".viver/pacs"
)

// NotFetchedError says that a Pac has to be fetched first.
type NotFetchedError struct{ Origin source.Origin }

func (e *NotFetchedError) Error() string {
	return "it is not fetched yet: run viver init"
}

// ChangedError says that a Pac's files are not those that the lock file names.
type ChangedError struct {
	Origin      source.Origin
	Folder      string // with its files
	Want, Found string // hashes
}

func (e *ChangedError) Error() string {
	take := "viver pac vendor fetches it again"
	if strings.HasSuffix(filepath.ToSlash(filepath.Dir(e.Folder)), CacheFolder) {
		take = "viver init fetches it again"
	}
	return fmt.Sprintf("the Pac %s is not as %s says: the files in %s have the hash %s, and %s is expected. %s; to change the Pac yourself, copy it beside the configuration and write \"./NAME\"",
		e.Origin, lockfile.Name, e.Folder, e.Found, e.Want, take)
}

// Found finds Pacs that were fetched. It is safe for concurrent use.
type Found struct {
	// Dir is the folder of the configuration, as the operator wrote it.
	Dir string

	mu      sync.Mutex
	lock    lockfile.Lock            // nil: not read yet; guarded by mu
	folders map[source.Origin]string // that were checked; guarded by mu
}

var _ source.Remote = (*Found)(nil)

// Folder implements source.Remote. It fails with a *NotFetchedError or a *ChangedError.
func (f *Found) Folder(o source.Origin) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if folder, ok := f.folders[o]; ok {
		return folder, nil
	}
	if f.lock == nil {
		lock, err := lockfile.Read(f.Dir)
		if err != nil {
			return "", err
		}
		f.lock, f.folders = lock, map[source.Origin]string{}
	}
	locked, ok := f.lock[o]
	if !ok {
		return "", &NotFetchedError{o}
	}
	for _, place := range []string{VendorFolder, CacheFolder} {
		folder := filepath.Join(f.Dir, place, folderName(o))
		switch ok, err := whole(folder, locked); {
		case err != nil:
			return "", err
		case ok:
			f.folders[o] = folder
			return folder, nil
		}
	}
	return "", &NotFetchedError{o}
}

// whole reports whether a folder has a Pac as it is locked; there may be none.
func whole(folder string, locked lockfile.Pac) (bool, error) {
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	hash, err := tree.Hash(folder)
	if err != nil {
		return false, err
	}
	if hash != locked.Hash {
		return false, &ChangedError{Origin: locked.Origin, Folder: folder, Want: locked.Hash, Found: hash}
	}
	return true, nil
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

const maxSlug = 48

// folderName is the name of the folder for an origin: "example-org-pacs-web-1a2b3c4d".
func folderName(o source.Origin) string {
	where := strings.TrimSuffix(o.Location[strings.Index(o.Location, "//")+1:], ".git")
	slug := strings.Trim(unfit.ReplaceAllString(strings.ToLower(where), "-"), "-")
	if len(slug) > maxSlug {
		slug = strings.TrimLeft(slug[len(slug)-maxSlug:], "-")
	}
	return fmt.Sprintf("%s-%x", slug, sha256.Sum256([]byte(o.String())))[:len(slug)+9]
}

// ours are the names of folders that folderName made, and of those that an interrupted init left.
var ours = regexp.MustCompile(`^[a-z0-9-]+-[0-9a-f]{8}$|^\.new-`)
