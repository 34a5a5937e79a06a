package trust_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"viver/providers/trust"
)

func TestSharedAuthorityIsTheSame(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "ca")
	if data, err := trust.Export(dir); data != nil || err != nil {
		t.Fatalf("an empty folder exports %q, %v", data, err)
	}
	authority := open(t, dir)
	data, err := trust.Export(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there already
		if err := trust.Import(other, data); err != nil {
			t.Fatal(err)
		}
	}
	if got := open(t, other); got.Cluster() != authority.Cluster() || got.Trust() != authority.Trust() {
		t.Error("it is another authority")
	}
	if info, err := os.Stat(filepath.Join(other, "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	third := t.TempDir()
	kept := open(t, third)
	if err := trust.Import(third, data); !errors.Is(err, trust.ErrOther) {
		t.Errorf("over another authority: %v", err)
	}
	if open(t, third).Cluster() != kept.Cluster() {
		t.Error("the other authority was changed")
	}
	for _, bad := range []string{"", "x", "{}", `{"ca.key":"x","ca.crt":"y","ca.pub":"z"}`} {
		if err := trust.Import(t.TempDir(), []byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
