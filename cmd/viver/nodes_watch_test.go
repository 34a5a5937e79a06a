package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
)

// A heartbeat is no news; a stage, a reason to wait and a warning are.
func TestPrintNews(t *testing.T) {
	var out bytes.Buffer
	print := (&app{out: &out}).printNews()
	m := spec.Machine{MAC: "52:54:00:00:00:01", Node: "pc01", Boot: []spec.StageTime{{Stage: spec.StageRoot}}}
	print(m)
	m.LastSeen, m.BytesRead = time.Now(), 7
	print(m)
	m.Waiting = "root disk: refused"
	print(m)
	m.Warnings = []string{"no room"}
	print(m)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "pc01") || !strings.HasSuffix(lines[1], "root disk: refused") ||
		!strings.HasSuffix(lines[2], "root disk: refused; warning: no room") {
		t.Errorf("%q", lines)
	}
}
