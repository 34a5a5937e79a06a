package lang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadStateHome(t *testing.T) {
	for name, c := range map[string]struct{ text, kind, host, fault string }{
		"none":        {text: `server "a" {}`},
		"there":       {text: "viver {\n state \"ssh\" { host = \"seed\" }\n}\nserver \"a\" { x = nothing.at.all }", kind: "ssh", host: "seed"},
		"broken":      {text: "viver {\n state \"ssh\" { host = \"seed\" }\n}\nserver \"a\" {", kind: "ssh", host: "seed"},
		"broken else": {text: `server "a" {`},
		"hidden":      {text: "viver { state \"ssh\" { host = ", fault: "Where is the state?"},
		"twice":       {text: "viver {\n state \"ssh\" {}\n state \"etcd\" {}\n}", kind: "ssh", fault: "Declared twice"},
		"variable":    {text: "viver {\n state \"ssh\" { host = var.host }\n}", kind: "ssh", fault: "Constant expected"},
		"no label":    {text: "viver {\n state {}\n}", fault: "Missing kind"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			home, _, diags := ReadStateHome(dir)
			if (c.fault == "") == diags.HasErrors() || !strings.Contains(diags.Error(), c.fault) && c.fault != "" {
				t.Errorf("faults: %v", diags)
			}
			kind, host := "", ""
			if home != nil {
				kind = home.Kind
				if a, ok := home.Arguments["host"]; ok {
					host = a.Value.AsString()
				}
			}
			if kind != c.kind || host != c.host {
				t.Errorf("kind %q at %q", kind, host)
			}
		})
	}
	if home, _, diags := ReadStateHome(filepath.Join(t.TempDir(), "none")); home != nil || diags.HasErrors() {
		t.Errorf("no folder: %v, %v", home, diags)
	}
}
