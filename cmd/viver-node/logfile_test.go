package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLogIsSetAside(t *testing.T) {
	name := filepath.Join(t.TempDir(), logName)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !isLog(name, f) || isLog(name, os.Stderr) {
		t.Error("the log is not told from other files")
	}
	say := func(text string) {
		t.Helper()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := setAside(name, f, 10); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", filepath.Base(name), got, err, want)
		}
	}
	say("0123456789")
	expect(name, "0123456789")
	say("a")
	expect(name, "")
	expect(name+".1", "0123456789a")
	say("second generation")
	say("third")
	expect(name, "third")
	expect(name+".1", "second generation")
	if !isLog(name, f) {
		t.Error("the agent writes elsewhere")
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
