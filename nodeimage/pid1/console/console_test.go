package console_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/pid1/console"
)

func TestForm(t *testing.T) {
	var b bytes.Buffer
	log := console.New(&b, "viver: ")
	log.Info("network eth0 10.20.0.101")
	log.Debug("never seen")
	log.With("unit", "boot.dhcp").WithGroup("g").Warn("no\x1b[2J answer\nviver: forged", "error", errors.New("timeout"))
	want := "viver: network eth0 10.20.0.101\nviver: no [2J answer viver: forged unit=boot.dhcp error=timeout\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	l := console.Lines{Log: console.New(&b, "")}
	for _, s := range []string{"pan", "ic: x\n\ngoroutine 1", "\nend"} {
		if n, err := fmt.Fprint(&l, s); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	if diff := cmp.Diff("panic: x\ngoroutine 1\n", b.String()); diff != "" {
		t.Error(diff)
	}
	fmt.Fprint(&l, strings.Repeat("x", 5000))
	if longest := slicesMax(b.String()); longest > 1000 {
		t.Errorf("a line of %d bytes", longest)
	}
}

func slicesMax(s string) int {
	longest := 0
	for line := range strings.Lines(s) {
		longest = max(longest, len(line))
	}
	return longest
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb"), []byte("\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var out bytes.Buffer
		l := console.Lines{Log: console.New(&out, "")}
		for _, p := range [][]byte{a, b} {
			if n, err := l.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if longest := slicesMax(out.String()); longest > 1000 {
			t.Errorf("a line of %d bytes", longest)
		}
	})
}
