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
	cold8, warm8, plain := contest{viver, cold, 8, 100 * links.Mbit}, contest{viver, warm, 8, 100 * links.Mbit}, contest{nbdkit, cold, 8, 100 * links.Mbit}
	return newReport(options{bytes: 100e6, rounds: 1}, []contest{cold8, warm8, plain}, map[contest][]result{
		cold8: {{seconds: 10, read: 800e6, network: 800e6, seed: 120e6, cpu: 4 * time.Second, seedCPU: time.Second, rss: 70e6}},
		warm8: {{seconds: 5, read: 800e6, network: 500e6, cpu: 2 * time.Second}},
		plain: {{seconds: 64, read: 800e6, network: 800e6, seed: 800e6, cpu: time.Second}},
	}, 0)
}

func TestReport(t *testing.T) {
	rows := figures().Rows
	if r := rows[0]; r.RatioToLink != 0.8 || r.NodeMBs != 10 || r.SeedImages != 1.2 || r.CPUSecondsPerGB != 5 || r.SeedCPUSecondsPerGB != 1.25 || r.NodeMB != 70 {
		t.Errorf("cold: %+v", r)
	}
	if r := rows[1]; r.RatioToLink != 1 || r.NodeMBs != 20 { // 500 MB over 8 lines of 12.5 MB/s in 5 s
		t.Errorf("warm: %+v", r)
	}
	if r := rows[2]; r.RatioToLink != 0.125 || r.SeedImages != 8 {
		t.Errorf("nbdkit: %+v", r)
	}
	for i, target := range figures().Targets {
		if want := []float64{0.8, 0.9}[i]; target.Want != want || !target.Reached {
			t.Errorf("target: %+v", target)
		}
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
	if got := string(page(r)); strings.Count(got, "\n| ") != 4 || !strings.Contains(got, "| viver | cold | 8 | 100 | 0.80 |") {
		t.Error(got)
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
	if circles != len(r.Rows) {
		t.Errorf("%d of %d figures are drawn", circles, len(r.Rows))
	}
}

func TestContests(t *testing.T) {
	list, err := contestsOf("1,32", 100*links.Mbit, []string{viver, nbdkit}, []string{cold, warm})
	if err != nil || len(list) != 5 || list[0] != (contest{viver, cold, 1, 100 * links.Mbit}) || list[3] != (contest{viver, warm, 32, 50 * links.Mbit}) {
		t.Errorf("%v: %v", list, err)
	}
	for _, bad := range [][3]string{{"0", viver, cold}, {"x", viver, cold}, {"1", "nfs", cold}, {"1", viver, "hot"}} {
		if _, err := contestsOf(bad[0], links.Mbit, []string{bad[1]}, []string{bad[2]}); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
