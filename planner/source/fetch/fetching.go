package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"viver/planner/source"
	"viver/planner/source/lockfile"
	"viver/planner/source/tree"
)

// Fetcher reads repositories of one scheme.
type Fetcher interface {
	// Pin says what an origin means now: the ID of a commit or a manifest, and the tag if a version constraint chose one.
	Pin(ctx context.Context, o source.Origin) (tag, id string, err error)
	// Get writes the files with that ID into dir, an empty folder.
	Get(ctx context.Context, o source.Origin, id, dir string) error
}

// Options say how to fetch.
type Options struct {
	// Dir is the folder of the configuration, as the operator wrote it.
	Dir      string
	Fetchers map[string]Fetcher // by scheme
	// Upgrade asks again what each origin means, where else the lock file tells.
	Upgrade bool
	// Vendor puts the Pacs into vendor/pacs. Where that folder is there already they always go there.
	Vendor bool
	// Report is told of each Pac once; nil: nobody is.
	Report func(Pac)
}

// Pac is one Pac that is in place.
type Pac struct {
	lockfile.Pac
	Folder string
	How    How
}

// How says what had to be done for a Pac.
type How string

// The ways in which a Pac comes to be in place.
const (
	Kept    How = "kept"    // it was there
	Copied  How = "copied"  // it was in the other folder
	Fetched How = "fetched" // from its source
)

// Fetching brings and locks Pacs. It is used by one goroutine, and ended by Finish or Close.
type Fetching struct {
	Options
	ctx     context.Context // of the command that this is
	place   string          // VendorFolder or CacheFolder
	mutex   *flock.Flock
	locked  lockfile.Lock // as it was
	lock    lockfile.Lock // what was asked for
	folders map[source.Origin]string
}

var _ source.Remote = (*Fetching)(nil)

// Start begins; only one process at a time fetches for a configuration.
func Start(ctx context.Context, o Options) (*Fetching, error) {
	f := &Fetching{Options: o, ctx: ctx, place: CacheFolder, lock: lockfile.Lock{}, folders: map[source.Origin]string{}}
	if info, err := os.Stat(filepath.Join(o.Dir, VendorFolder)); o.Vendor || err == nil && info.IsDir() {
		f.place = VendorFolder
	}
	var err error
	if f.locked, err = lockfile.Read(o.Dir); err != nil {
		return nil, err
	}
	return f, nil
}

// begin takes the lock among processes, once there is something to be written.
func (f *Fetching) begin() error {
	if f.mutex != nil {
		return nil
	}
	state := filepath.Join(f.Dir, filepath.Dir(CacheFolder))
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("folder for Pacs: %w", err)
	}
	mutex := flock.New(filepath.Join(state, "pacs.lock"), flock.SetPermissions(0o600))
	got, err := mutex.TryLock()
	if err != nil {
		return fmt.Errorf("folder for Pacs: %w", err)
	}
	if !got {
		return errors.New("another process fetches Pacs for this configuration: try again when it has ended")
	}
	f.mutex = mutex
	return nil
}

// Folder implements source.Remote: it fetches what is not there.
func (f *Fetching) Folder(o source.Origin) (string, error) {
	if folder, ok := f.folders[o]; ok {
		return folder, nil
	}
	if err := f.begin(); err != nil {
		return "", err
	}
	p, err := f.bring(o)
	if err != nil {
		return "", err
	}
	f.lock[o], f.folders[o] = p.Pac, p.Folder
	if f.Report != nil {
		f.Report(p)
	}
	return p.Folder, nil
}

func (f *Fetching) bring(o source.Origin) (p Pac, err error) {
	fetcher := f.Fetchers[o.Scheme]
	if fetcher == nil {
		return p, fmt.Errorf("this viver fetches nothing by %s", o.Scheme)
	}
	var known bool
	p.Pac, known = f.locked[o]
	if !known || f.Upgrade {
		was := p.Pac
		p.Pac = lockfile.Pac{Origin: o}
		if p.Tag, p.ID, err = fetcher.Pin(f.ctx, o); err != nil {
			return p, err
		}
		if p.ID == was.ID {
			p.Hash = was.Hash
		}
	}
	p.Folder = filepath.Join(f.Dir, f.place, folderName(o))
	if p.Hash != "" {
		if p.How, err = f.reuse(p); err != nil || p.How != "" {
			return p, err
		}
	}
	p.How = Fetched
	err = tree.Replace(p.Folder, func(empty string) error {
		if err := fetcher.Get(f.ctx, o, p.ID, empty); err != nil {
			return err
		}
		return p.confirm(empty)
	})
	return p, err
}

// reuse takes a Pac that is on this machine already. In the operator's folder it does not replace what was changed, in viver's own it does.
func (f *Fetching) reuse(p Pac) (How, error) {
	ok, err := whole(p.Folder, p.Pac)
	if ok {
		return Kept, nil
	}
	if err != nil && f.place == VendorFolder && !f.Vendor && !f.Upgrade {
		return "", err
	}
	for _, other := range []string{VendorFolder, CacheFolder} {
		from := filepath.Join(f.Dir, other, folderName(p.Origin))
		if ok, _ := whole(from, p.Pac); !ok || from == p.Folder {
			continue
		}
		return Copied, tree.Replace(p.Folder, func(empty string) error { return tree.Copy(from, empty) })
	}
	return "", nil
}

// confirm compares what was fetched with the lock file, or takes its hash where that has none.
func (p *Pac) confirm(folder string) error {
	hash, err := tree.Hash(folder)
	if err != nil {
		return err
	}
	if p.Hash != "" && p.Hash != hash {
		return fmt.Errorf("what was fetched from %s is not what %s names: it has the hash %s, and %s is expected. Somebody changed it at its source, or on the way; if it is right: viver init --upgrade",
			p.Origin, lockfile.Name, hash, p.Hash)
	}
	p.Hash = hash
	return nil
}

// Finish writes the lock file, with what was asked for and nothing else, and removes folders that nobody asked for.
func (f *Fetching) Finish() error {
	if f.mutex == nil && len(f.locked) == 0 {
		return nil
	}
	if err := f.lock.Write(f.Dir); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.prune(), f.Close())
}

// Keep writes the lock file after a failure: with what was fetched, and what was in it before.
func (f *Fetching) Keep() error {
	if len(f.lock) == 0 {
		return f.Close()
	}
	all := lockfile.Lock{}
	for _, l := range []lockfile.Lock{f.locked, f.lock} {
		for o, p := range l {
			all[o] = p
		}
	}
	return errors.Join(all.Write(f.Dir), f.Close())
}

func (f *Fetching) prune() error {
	wanted := map[string]bool{}
	for o := range f.folders {
		wanted[folderName(o)] = true
	}
	above := filepath.Join(f.Dir, f.place)
	entries, err := os.ReadDir(above)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder for Pacs: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && ours.MatchString(e.Name()) && !wanted[e.Name()] {
			if err := os.RemoveAll(filepath.Join(above, e.Name())); err != nil {
				return fmt.Errorf("folder for Pacs: %w", err)
			}
		}
	}
	return nil
}

// Close lets other processes fetch again.
func (f *Fetching) Close() error {
	if f.mutex == nil {
		return nil
	}
	return f.mutex.Close()
}
