package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/planner/resource"
	"viver/planner/state"
	"viver/planner/state/etcdstate/etcdtest"
	"viver/planner/state/statetest"
)

// operator is a folder with a configuration that says where the state is.
func operator(t *testing.T, block string) *project {
	t.Helper()
	dir := t.TempDir()
	text := "viver {\n" + block + "\n}\nserver \"seed\" { address = \"10.0.0.1\" }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.viver.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{types: func(string) []resource.Type { return nil }, out: io.Discard, errors: io.Discard, dir: dir}
	return a.open()
}

func homeOf(t *testing.T, p *project) home {
	t.Helper()
	h, err := p.home()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestStateInEtcd: the block's arguments reach a real server with TLS, and operators share the authority there too.
func TestStateInEtcd(t *testing.T) {
	server := etcdtest.Start(t, true)
	block := fmt.Sprintf("state \"etcd\" {\nendpoints = [%q]\nprefix = \"/viver/lab\"\nca_file = %q\ncert_file = %q\nkey_file = %q\n}",
		server.Endpoint, server.CA, server.Cert, server.Key)
	first, second := operator(t, block), operator(t, block)
	err := first.withState(t.Context(), "viver apply", func(w state.Writer) error {
		_, err := homeOf(t, second).Open(t.Context(), "viver destroy")
		var locked *state.LockedError
		if !errors.As(err, &locked) || locked.Holder.Command != "viver apply" {
			t.Errorf("a second writer: %v", err)
		}
		return w.Append(state.Change{Put: statetest.Instance(0, "pc")})
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := second.remembered(t.Context()); err != nil || len(s.Instances) != 1 {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := os.Stat(filepath.Join(authorityDir(second.stateDir), "ca.key")); err != nil {
		t.Error(err)
	}
}

func TestUnsuitableHomes(t *testing.T) {
	for block, want := range map[string]string{
		`state "s3" {}`:               `there is no state "s3"`,
		`state "ssh" { path = "/x" }`: `"host" is missing`,
		"state \"ssh\" {\nhost = \"h\"\npath = 5\nport = 99999\n}":                                    "a port from 1",
		"state \"ssh\" {\nhost = \"h\"\npath = \"\"\n}":                                               "is empty",
		"state \"ssh\" {\nhost = [\"h\"]\npath = \"/x\"\n}":                                           "wants a string",
		"state \"ssh\" {\nhost = \"h\"\npath = \"/x\"\npasword = \"x\"\n}":                            `no argument "pasword"`,
		"state \"ssh\" {\nhost = \"h\"\npath = \"/x\"\nhost_key = \"x\"\n}":                           "is no public key",
		"state \"etcd\" {\nendpoints = []\nprefix = \"/v\"\n}":                                        "is empty",
		"state \"etcd\" {\nendpoints = [\"http://10.0.0.1:2379\"]\nprefix = \"/v\"\n}":                "not encrypted",
		"state \"etcd\" {\nendpoints = [\"10.0.0.1\"]\nprefix = \"/v\"\n}":                            "https://HOST:PORT",
		"state \"etcd\" {\nendpoints = [\"https://h:1\"]\nprefix = \"/v\"\nca_file = \"/nowhere\"\n}": "ca_file",
		"state \"etcd\" {\nendpoints = [\"https://h:1\"]\nprefix = \"/v\"\ncert_file = \"x\"\n}":      "belong together",
	} {
		p := operator(t, block)
		var said bytes.Buffer
		p.app.out = &said
		p = p.app.open()
		if _, err := p.home(); !errors.Is(err, errReported) || !strings.Contains(strings.Join(strings.Fields(said.String()), " "), want) {
			t.Errorf("%s: %v, want %q in\n%s", block, err, want, said.String())
		}
	}
}

// TestStateLeftBehind: whoever writes a state block does not make everything a second time.
func TestStateLeftBehind(t *testing.T) {
	server := etcdtest.Start(t, false)
	p := operator(t, fmt.Sprintf("state \"etcd\" {\nendpoints = [%q]\nprefix = \"/viver/lab\"\n}", server.Endpoint))
	local, err := state.Open(p.stateDir, "viver apply")
	if err == nil {
		err = errors.Join(local.Append(state.Change{Put: statetest.Instance(0, "pc")}), local.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"read":  func() error { _, err := p.remembered(t.Context()); return err },
		"apply": func() error { return p.withState(t.Context(), "viver apply", func(state.Writer) error { return nil }) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "viver state push "+p.stateDir) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if code := run([]string{"state", "push", "-C", p.dir, filepath.Join(p.stateDir, "state.json")}, p.app.types); code != 0 {
		t.Fatalf("push: exit code %d", code)
	}
	if s, err := p.remembered(t.Context()); err != nil || len(s.Instances) != 1 {
		t.Errorf("after the push: %v, %v", s, err)
	}
}
