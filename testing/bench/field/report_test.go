package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/testing/bench/reportfile"
	"viver/testing/links"
)

func figures() Report {
	line := 100 * links.Mbit
	cold8, warm8, plain := contest{viver, cold, 8, line}, contest{viver, warm, 8, line}, contest{nbdkit, cold, 8, line}
	storm60, storms := contest{viver, joinStorm, 60, 20 * links.Mbit}, contest{nbdkit, storm, 60, 20 * links.Mbit}
	hits, memory, misses, straight := contest{viver, hit, 1, 0}, contest{nbdkit, hit, 1, 0}, contest{viver, miss, 1, line}, contest{viver, direct, 1, line}
	return newReport(options{bytes: 100e6, rounds: 1}, []contest{cold8, warm8, plain, storm60, storms, hits, memory, misses, straight}, map[contest][]result{
		cold8:    {{seconds: 10, read: 800e6, network: 800e6, seed: 120e6, cpu: 4 * time.Second, seedCPU: time.Second, rss: 70e6}},
		warm8:    {{seconds: 5, read: 800e6, network: 500e6, cpu: 2 * time.Second}},
		plain:    {{seconds: 64, read: 800e6, network: 800e6, seed: 800e6, cpu: time.Second}},
		storm60:  {{seconds: 14, read: 1200e6, network: 1200e6, seed: 40e6, single: 10, beside: 1.4, cpu: 6 * time.Second, rss: 60e6}},
		storms:   {{seconds: 540, read: 1200e6, network: 1200e6, seed: 1200e6, single: 9, beside: 60}},
		hits:     {{seconds: 1, read: 1500e6, beside: 0.75, cpu: 3 * time.Second, seedCPU: 2250 * time.Millisecond, rss: 200e6}},
		memory:   {{seconds: 0.75, read: 1500e6}},
		misses:   {{seconds: 12, read: 100e6, network: 100e6, beside: 1.2}},
		straight: {{seconds: 10, read: 100e6, network: 100e6}},
	}, 0)
}

func TestReport(t *testing.T) {
	rows := figures().Rows
	if r := rows[0]; r.RatioToLink != 0.8 || r.NodeMBs != 10 || r.SeedImages != 1.2 || r.CPUSecondsPerGB != 5 || r.SeedCPUSecondsPerGB != 1.25 || r.ProcessorsUsed != 0.4 || r.NodeMB != 70 {
		t.Errorf("cold: %+v", r)
	}
	if r := rows[1]; r.RatioToLink != 1 || r.NodeMBs != 20 { // 500 MB over 8 lines of 12.5 MB/s in 5 s
		t.Errorf("warm: %+v", r)
	}
	if r := rows[2]; r.RatioToLink != 0.125 || r.SeedImages != 8 {
		t.Errorf("nbdkit: %+v", r)
	}
	if r := rows[3]; r.SecondsLast != 14 || r.SecondsSingle != 10 || r.Ratio != 1.4 || r.SeedImages != 2 || r.CPUSecondsPerGB != 5 || r.NodeMB != 60 {
		t.Errorf("storm: %+v", r)
	}
	if r := rows[5]; r.NodeMBs != 1500 || r.Ratio != 0.75 || r.LinkMbit != 0 || r.RatioToLink != 0 || r.SecondsLast != 0 || r.SeedCPUSecondsPerGB != 1.5 {
		t.Errorf("hits: %+v", r)
	}
	if r := rows[7]; r.Ratio != 1.2 || r.RatioToLink >= 0.7 || r.RatioToLink <= 0.6 {
		t.Errorf("misses: %+v", r)
	}
}

func TestTargets(t *testing.T) {
	want := []Target{{Want: 0.8, Got: 0.8, Reached: true}, {Want: 0.9, Got: 1, Reached: true}, {Want: 1.5, Got: 1.4, AtMost: true, Reached: true}, {Want: 1, Got: 0.75}, {Want: 1.3, Got: 1.2, AtMost: true, Reached: true}}
	for i, got := range figures().Targets {
		if got.Name = ""; i >= len(want) || got != want[i] {
			t.Errorf("target %d: %+v", i, got)
		}
	}
	slow := Row{System: viver, Mode: storm, Nodes: 60, Ratio: 1.6}
	if got, ok := slow.target(); !ok || got.Reached {
		t.Errorf("%+v of %+v", got, slow)
	}
	if got := len(figures().Targets); got != len(want) {
		t.Errorf("%d targets, not %d", got, len(want))
	}
}

// TestDocument writes the figures, reads them again and makes the page and the plot, which must be well-formed and hold each figure.
func TestDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "field.json")
	if err := reportfile.Save(path, figures()); err != nil {
		t.Fatal(err)
	}
	r, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	got := string(page(r))
	for _, line := range []string{
		"| viver | cold | 8 | 100 | 0.80 | 10.00 | 1.20 times | 5.00 | 1.25 | 0.4 | 70 | 0.0 |", "| viver | storm-join | 60 | 20 | 14.00 | 10.00 | 1.40 | 2.00 times | 5.00 | 0.00 | 0.4 | 60 | 0.0 |",
		"| viver | hit | none | 1500.0 | 0.75 | | 2.00 | 1.50 | 200 | 0.0 |", "| viver | miss | 100 | 8.3 | | 1.20 |", "| nbdkit | hit | none |", "| viver | direct | 100 |",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("there is no %s in %s", line, got)
		}
	}
	if n := strings.Count(got, "\n| "); n != len(r.Rows)+3 { // and the heads of three tables
		t.Errorf("%d lines in tables: %s", n, got)
	}
	picture, circles := plot(r), 0
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			circles++
		}
	}
	if circles != len(throughTable.rows(r)) {
		t.Errorf("%d of %d figures are drawn", circles, len(r.Rows))
	}
}

// TestNothingIsShownOfWhatWasNotMeasured makes a page of one table.
func TestNothingIsShownOfWhatWasNotMeasured(t *testing.T) {
	r := figures()
	r.Rows = stormTable.rows(r)
	if got := string(page(r)); strings.Count(got, "## ") != 1 || strings.Count(got, "\n| ") != 3 {
		t.Error(got)
	}
	var b bytes.Buffer
	if err := show(&b, r); err != nil || strings.Count(b.String(), "system") != 1 {
		t.Errorf("%s: %v", b.String(), err)
	}
}
