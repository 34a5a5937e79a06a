package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// format is the folder with the files of a format, as a viver of its time left them in the middle of an apply.
func format(t *testing.T, n int) memory {
	t.Helper()
	m := memory{}
	for _, name := range []string{snapshotFile, journalFile} {
		data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("format%d", n), name))
		if err != nil {
			t.Fatalf("each format needs its files in testdata, for ever: %v", err)
		}
		m[name] = data
	}
	return m
}

// TestEveryFormatLoads: the files of all formats hold the same state.
func TestEveryFormatLoads(t *testing.T) {
	today, err := ReadDisk(format(t, formatVersion))
	if err != nil {
		t.Fatal(err)
	}
	if len(today.Instances) != 3 || today.Serial != 6 || len(today.Outputs) != 3 {
		t.Fatalf("%d instances, %d outputs, serial %d", len(today.Instances), len(today.Outputs), today.Serial)
	}
	for n := 1; n < formatVersion; n++ {
		old, err := ReadDisk(format(t, n))
		if err != nil {
			t.Fatalf("format %d: %v", n, err)
		}
		if diff := cmp.Diff(text(t, today), text(t, old)); diff != "" {
			t.Errorf("format %d:\n%s", n, diff)
		}
	}
}

// TestFormatStaysAsItIs: whoever changes what is written raises formatVersion.
func TestFormatStaysAsItIs(t *testing.T) {
	m := format(t, formatVersion)
	s, err := Decode(m[snapshotFile], nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(m[snapshotFile]), text(t, s)); diff != "" {
		t.Errorf("the snapshot is written in another way than format %d:\n%s", formatVersion, diff)
	}
	first, err := header(s)
	if err != nil {
		t.Fatal(err)
	}
	lines := readLines(m[journalFile])
	for _, l := range lines[1:] {
		if first, err = appendRecord(first, l.record); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(m[journalFile]), string(first)); diff != "" {
		t.Errorf("the journal is written in another way than format %d:\n%s", formatVersion, diff)
	}
}

// TestOpenUpgrades: the old snapshot, with its journal, becomes a backup.
func TestOpenUpgrades(t *testing.T) {
	m := format(t, 1)
	old := string(m[snapshotFile])
	s, err := OpenDisk(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(m[snapshotFile]), fmt.Sprintf(`"format": %d`, formatVersion)) || string(m[backupSnapshot(1)]) != old {
		t.Errorf("the snapshot begins with %.20s, the backup with %.20s", m[snapshotFile], m[backupSnapshot(1)])
	}
}

func TestNewerFormatsAreLeftAlone(t *testing.T) {
	m := format(t, formatVersion)
	s, err := Decode(m[snapshotFile], nil)
	if err != nil {
		t.Fatal(err)
	}
	line, _ := appendRecord(nil, record{Format: formatVersion + 1, Lineage: s.Lineage, Base: s.Serial})
	m[journalFile] = line
	if _, err := OpenDisk(m); err == nil || !strings.Contains(err.Error(), "newer viver") || strings.Contains(err.Error(), "repair") {
		t.Errorf("a newer journal: %v", err)
	}
	if string(m[journalFile]) != string(line) {
		t.Error("the newer journal was changed")
	}
}

func TestUpgradesFollowOneAnother(t *testing.T) {
	if len(upgrades()) != formatVersion-1 {
		t.Fatalf("there are %d upgrades for format %d", len(upgrades()), formatVersion)
	}
	i, err := DecodeInstance([]byte(`{"addr":"a","type":"b","status":"complete","inputs":{"value":1,"type":"number"},"protect":true}`), 1)
	if err != nil || i.Protect {
		t.Errorf("format 1 had no protection: %+v, %v", i, err)
	}
}
