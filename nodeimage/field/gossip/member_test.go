package gossip

import (
	"strings"
	"testing"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
)

func TestDescriptionsComeBack(t *testing.T) {
	for _, m := range []field.Member{
		{ID: "pc07/5b1c", Name: "pc07"},
		{ID: "lab/pc07/5b1c", Name: "lab/pc07", Blocks: "10.20.0.7:10809", Control: "[fe80::1%eth0]:10811", Share: 1 << 40, Seed: true},
		{ID: "a/b", Name: "a", Share: 1<<63 - 1, Leaving: true, Complete: 7, Runs: spec.DigestOf(nil)},
		{ID: "a/b", Name: "a", Blocks: strings.Repeat("b", maxAddress), Control: strings.Repeat("c", maxAddress), Runs: spec.DigestOf(nil)},
	} {
		b, err := encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(m.ID, b); err != nil || got != m {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
		if len(b) > 512 {
			t.Errorf("%d bytes are more than memberlist takes", len(b))
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for want, m := range map[string]field.Member{
		"is no member's ID":       {ID: "pc07", Name: "pc07"},
		`"/b" is no member's ID`:  {ID: "/b"},
		`"a/" is no member's ID`:  {ID: "a/", Name: "a"},
		`"a\nb/c" is no member's`: {ID: "a\nb/c", Name: "a\nb"},
		"not that of a machine":   {ID: "pc07/5b1c", Name: "pc08"},
		"a share of -1 bytes":     {ID: "pc07/5b1c", Name: "pc07", Share: -1},
		"runs the image":          {ID: "pc07/5b1c", Name: "pc07", Runs: "sha256:1"},
		"is longer than 100":      {ID: "pc07/5b1c", Name: "pc07", Control: strings.Repeat("c", 101)},
	} {
		if b, err := encode(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %x, %v", want, b, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := encode(field.Member{ID: "pc07/5b1c", Name: "pc07", Blocks: "10.20.0.7:10809", Control: "10.20.0.7:10811", Share: 1 << 30, Seed: true})
	f.Add("pc07/5b1c", b)
	b, _ = encode(field.Member{ID: "pc07/5b1c", Name: "pc07", Runs: spec.DigestOf(nil)})
	f.Add("pc07/5b1c", b)
	f.Add("a/b", []byte{1, 0, 0, 0, 0})
	f.Add("", []byte{1, 4, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, id string, b []byte) {
		m, err := decode(field.MemberID(id), b)
		if err != nil {
			return
		}
		again, err := encode(m)
		if err != nil {
			t.Fatalf("%+v was decoded and cannot be encoded: %v", m, err)
		}
		if same, err := decode(m.ID, again); err != nil || same != m {
			t.Fatalf("%+v became %+v, %v", m, same, err)
		}
	})
}
