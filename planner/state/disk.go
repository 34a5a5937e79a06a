package state

import (
	"fmt"
	"regexp"
	"strconv"
)

// The files of a state.
const (
	snapshotFile = "state.json"
	journalFile  = "journal"
	keyFile      = "key"
	lockFile     = "lock"
	keptFile     = "kept-" // begins the names of what Keep keeps
)

// MaxFile bounds what is read of one file, in bytes.
const MaxFile = 1 << 30

// Disk keeps the files of one state. Their names are words without slashes. A Disk that was opened to write belongs to one writer alone,
// until Close; every method but Close may be called on one that is only read, if it changes nothing.
type Disk interface {
	// Place names the disk in messages: a folder, "ssh://seed/srv/state".
	Place() string
	// Names lists the files.
	Names() ([]string, error)
	// Read returns a file's content, or nil when there is no such file.
	Read(name string) ([]byte, error)
	// Replace writes a file so that a crash leaves the old content or the new one, and the new one once it returns.
	Replace(name string, data []byte) error
	// Extend adds to the end of a file that has a length of at bytes; a file of another length is an error, as somebody else has written.
	// Once it returns nil the data lasts. With an error nothing was added, unless the machine died or the connection broke.
	Extend(name string, at int64, data []byte) error
	// Remove removes a file; one that is not there is no error.
	Remove(name string) error
	// Close gives the right to write back.
	Close() error
}

// keptBackups is how many are kept.
const keptBackups = 10

var numbered = regexp.MustCompile(`^(backup|damaged)-([1-9][0-9]{0,8})\.(json|journal)$`)

func backupSnapshot(n int) string { return fmt.Sprintf("backup-%d.json", n) }
func backupJournal(n int) string  { return fmt.Sprintf("backup-%d.journal", n) }

// numbers returns the numbers that files of a kind have, by name.
func numbers(names []string, kind string) map[string]int {
	found := map[string]int{}
	for _, name := range names {
		if m := numbered.FindStringSubmatch(name); m != nil && m[1] == kind {
			found[name], _ = strconv.Atoi(m[2])
		}
	}
	return found
}

// newest returns the highest of the numbers, 0 for none.
func newest(numbers map[string]int) int {
	highest := 0
	for _, n := range numbers {
		highest = max(highest, n)
	}
	return highest
}
