package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/testing/bench/reportfile"
)

func TestSlope(t *testing.T) {
	if got := slope([]Steps{{Nodes: 1, Seconds: 3}, {Nodes: 2, Seconds: 3.5}, {Nodes: 4, Seconds: 4.5}}); got != 0.5 {
		t.Errorf("%v", got)
	}
	if got := slope([]Steps{{Nodes: 4, Seconds: 3}}); got != 0 {
		t.Errorf("one point has the slope %v", got)
	}
}

func TestPage(t *testing.T) {
	r := Report{Usable: []Usable{{2, 10, 40, 50, 51.4}}, Steps: []Steps{{Nodes: 1, Seconds: 2}, {Nodes: 2, Seconds: 2.25}}, StepsEach: 20, Rounds: 3}
	r.end()
	dir := t.TempDir()
	figures := filepath.Join(dir, "pacs.json")
	if err := errors.Join(reportfile.Save(figures, r), document(figures, dir)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "classroom.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n\n| PCs |", "| 2 | 10 s | 40 s | 50 s | 51 s |\n", "Each PC more costs 0.25 s."} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func TestEvents(t *testing.T) {
	const good = `{"type":"plan","create":2}
{"type":"apply_start","addr":"node.pc[0]"}
{"type":"apply_end","addr":"node.pc[0]"}
{"type":"outputs","outputs":{}}
`
	var ended []string
	note := func(e event) error { ended = append(ended, e.Addr); return nil }
	if err := follow(strings.NewReader(good), note); err != nil || len(ended) != 1 || ended[0] != "node.pc[0]" {
		t.Errorf("%v, %v", ended, err)
	}
	bad := errors.New("no machine")
	for text, ended := range map[string]func(event) error{
		`{"type":"apply_end","addr":"node.pc[0]","error":"no machine"}`: note,
		`{"type":"apply_end","addr":"node.pc[0]"}`:                      func(event) error { return bad },
		"no machine": note,
	} {
		if err := follow(strings.NewReader(text), ended); err == nil || !strings.Contains(err.Error(), "no machine") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	if got, err := numbers("2,4"); err != nil || len(got) != 2 || got[1] != 4 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "2,", "0", "41", "two"} {
		if _, err := numbers(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
