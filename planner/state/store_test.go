package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func sample(n int) *Instance {
	return &Instance{
		Addr: fmt.Sprintf("node.pc[%d]", n), Group: "node.pc", Key: cty.NumberIntVal(int64(n)), Type: "node", Status: Complete,
		Inputs: cty.ObjectVal(map[string]cty.Value{
			"name": cty.StringVal("pc"), "boot": cty.StringVal("pac.boot"), "mac": cty.NullVal(cty.String),
			"tags": cty.SetVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}),
		}),
		Computed: map[string]cty.Value{"address": cty.StringVal("10.0.0.1")},
		Refs:     map[string]map[string]string{"boot": {"image.desk": "hmac-sha256:00"}},
		Depends:  []string{"image.desk", "server.seed"},
	}
}

// text is the whole of a state, comparable.
func text(t *testing.T, s *State) string {
	t.Helper()
	data, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestStoreRemembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Folder)
	s, err := Open(dir, "viver test")
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]Output{
		"path": {Value: cty.StringVal("/etc/motd"), Description: "where"},
		"pin":  {Value: cty.StringVal("1234"), Sensitive: true},
	}
	if err := s.Append(Change{Put: sample(0)}, Change{Put: sample(1)}, Change{Forget: "node.pc[0]"}, Change{Outputs: outputs}); err != nil {
		t.Fatal(err)
	}
	want := s.State()
	if want.Serial != 4 || len(want.Instances) != 1 || s.Instance("node.pc[1]") == nil {
		t.Fatalf("serial %d, %d instances", want.Serial, len(want.Instances))
	}
	beside, err := Read(dir) // while it is locked
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(t, want), text(t, beside)); diff != "" {
		t.Errorf("read beside the writer:\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(Change{Forget: "x"}); err == nil {
		t.Error("a closed store takes changes")
	}
	after, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(t, want), text(t, after)); diff != "" {
		t.Errorf("read after closing:\n%s", diff)
	}
	for _, name := range []string{snapshotFile, journalFile, backupSnapshot(1), backupJournal(1), keyFile, lockFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if data, _ := os.ReadFile(filepath.Join(dir, name)); bytes.Contains(data, []byte("1234")) {
			t.Errorf("%s has the value of a sensitive output", name)
		}
	}
}

func TestReadOfNothingIsEmpty(t *testing.T) {
	s, err := Read(filepath.Join(t.TempDir(), "none"))
	if err != nil || s.Lineage != "" || len(s.Instances) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestUnknownAndMarkedValuesAreRefused(t *testing.T) {
	s, err := Open(t.TempDir(), "viver test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, v := range []cty.Value{cty.UnknownVal(cty.String), cty.StringVal("x").Mark("secret"), cty.NilVal} {
		i := sample(0)
		i.Computed["address"] = v
		if err := s.Append(Change{Put: i}); err == nil || !strings.Contains(err.Error(), "node.pc[0]: address") {
			t.Errorf("%#v: %v", v, err)
		}
	}
	if s.State().Serial != 0 {
		t.Error("a refused change counted")
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, "viver destroy")
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() || locked.Holder.Command != "viver apply" {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(dir, "viver destroy")
	if err != nil {
		t.Fatalf("after closing: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLockEndsWithItsProcess has another process take the lock and be killed.
func TestLockEndsWithItsProcess(t *testing.T) {
	if dir := os.Getenv("STATE_TEST_HOLD"); dir != "" {
		if _, err := Open(dir, "viver apply"); err != nil {
			t.Fatal(err)
		}
		fmt.Println("held")
		select {}
	}
	dir := t.TempDir()
	other := exec.Command(os.Args[0], "-test.run=^TestLockEndsWithItsProcess$")
	other.Env = append(os.Environ(), "STATE_TEST_HOLD="+dir)
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, "viver plan")
	if want := fmt.Sprintf("process %d on ", other.Process.Pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait() // reports the kill
	s, err := Open(dir, "viver plan")
	if err != nil {
		t.Fatalf("after the holder's death: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDigest(t *testing.T) {
	a, b := New("", NewKey()), New("", NewKey())
	digest := func(s *State, where string, v cty.Value) string {
		d, err := s.Digest(where, v)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digest(a, "step.file.x/content", cty.StringVal("secret"))
	if first != digest(a, "step.file.x/content", cty.StringVal("secret")) {
		t.Error("the same value has two digests")
	}
	for _, other := range []string{
		digest(a, "step.file.x/content", cty.StringVal("Secret")),
		digest(a, "step.file.y/content", cty.StringVal("secret")),
		digest(b, "step.file.x/content", cty.StringVal("secret")),
	} {
		if first == other {
			t.Error("two values have the same digest")
		}
	}
}

// FuzzRead: whatever the files hold, reading ends with a state or an error, and a state can be written and read again.
func FuzzRead(f *testing.F) {
	s := New("", nil)
	s.Lineage, s.Instances["node.pc[0]"] = "L", sample(0)
	snap, err := Encode(s)
	if err != nil {
		f.Fatal(err)
	}
	journal, _ := appendRecord(nil, record{Lineage: "L"})
	journal, _ = appendRecord(journal, record{Serial: 1, Put: sample(1)})
	journal, _ = appendRecord(journal, record{Serial: 2, Forget: "node.pc[0]"})
	f.Add(snap, journal)
	f.Add([]byte(`{"format":1,"lineage":"L","instances":[{"addr":"a","type":"b","status":"complete","inputs":{"type":["list"],"value":[]}}]}`), []byte{})
	f.Fuzz(func(t *testing.T, snap, journal []byte) {
		l, err := load(memory{snapshotFile: snap, journalFile: journal})
		if err != nil {
			return
		}
		s := l.state
		data, err := Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if s.Lineage == "" {
			return
		}
		if _, err := Decode(data, nil); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
	})
}

// FuzzParseRecord gets past the checksum.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"serial":1,"put":{"addr":"a","type":"b","status":"complete","inputs":{"value":1,"type":"number"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		line := fmt.Appendf(nil, "%08x %s", checksum(body), body)
		r, err := parseRecord(line, 0)
		if err != nil {
			return
		}
		if _, err := appendRecord(nil, r); err != nil {
			t.Fatal(err)
		}
	})
}

func randomChange(r *rand.Rand) Change {
	switch n := r.IntN(8); r.IntN(4) {
	case 0:
		return Change{Forget: fmt.Sprintf("node.pc[%d]", n)}
	case 1:
		return Change{Outputs: map[string]Output{"n": {Value: cty.NumberIntVal(int64(n))}}}
	default:
		return Change{Put: sample(n)}
	}
}

// TestNoFolder: what is no folder is refused, to read as well, since nothing remembered would look like nothing there.
func TestNoFolder(t *testing.T) {
	dir := t.TempDir()
	link, file := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(os.Symlink(filepath.Join(dir, "unmounted/x"), link), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{link: "unmounted/x, and that is not there", file: "is no folder"} {
		_, err := Read(path)
		_, openErr := Open(path, "viver apply")
		for _, err := range []error{err, openErr} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want %q, got %v", want, err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "unmounted/x"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open(link, "viver apply")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
