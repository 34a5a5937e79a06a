package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"viver/planner/resource"
	"viver/planner/source/oci/registrytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"viver": func() {
			port, _ := strconv.Atoi(os.Getenv("AGENT_PORT"))
			a := &app{out: os.Stdout, errors: os.Stderr, agentPort: port}
			a.types = func(string) []resource.Type { return simulated(os.Getenv("WORLD")) }
			os.Exit(a.run(os.Args[1:]))
		},
		"viver-real": func() { os.Exit(run(os.Args[1:], types)) },
	})
}

// TestScripts plays the command lines in testdata/script against a simulated world: a folder with a file for each thing.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Deadline:            time.Now().Add(5 * time.Minute),
		Setup: func(e *testscript.Env) error {
			e.Setenv("WORLD", e.WorkDir+"/world")
			registry := httptest.NewServer(&registrytest.Registry{})
			e.Defer(registry.Close)
			e.Setenv("REGISTRY", strings.TrimPrefix(registry.URL, "http://"))
			return os.Mkdir(e.WorkDir+"/world", 0o755)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exitcode": exitcode, "waitfor": waitfor, "fill": fill},
	})
}

// waitfor waits until a file is there, with a text in it: waitfor FILE [TEXT].
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor FILE [TEXT]")
	}
	file := ts.MkAbs(args[0])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := untilFiles(ctx, filepath.Dir(file), func() bool {
		data, err := os.ReadFile(file)
		return err == nil && (len(args) == 1 || strings.Contains(string(data), args[1]))
	})
	if err != nil {
		ts.Fatalf("%v did not come: %v", args, err)
	}
}

// patience is how long waitfor waits for what must come.
const patience = 30 * time.Second

// fill writes a file that no archive can hold: fill FILE COUNT TEXT, where TEXT is in Go's quotes.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE COUNT TEXT")
	}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	text, err := strconv.Unquote(args[2])
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text, count)), 0o644))
}

// exitcode runs viver and checks its exit code: exitcode CODE viver ARGS...
func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = "?"
		if exit, ok := err.(interface{ ExitCode() int }); ok {
			got = string(rune('0' + exit.ExitCode()))
		}
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
