package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/state"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

// TestImageScripts plays the command lines in testdata/image against servers in this process. The files servers/NAME.json say which images
// each has, and machines.json which machines they know; what a server is asked to remove is a line in removed/NAME. A server with a
// file NAME.error answers everything with that error; one with NAME.busy says that of every image that it is to remove. The cache is the
// folder cache. The state has the servers, and the image whose ID is in the file needed.
func TestImageScripts(t *testing.T) {
	var worlds atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/image",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Deadline:            time.Now().Add(5 * time.Minute),
		Setup: func(e *testscript.Env) error {
			w := &imageWorld{t: t, dir: e.WorkDir, net: fmt.Sprintf("127.78.%d.", worlds.Add(1))}
			port, err := w.start()
			e.Setenv("AGENT_PORT", port)
			e.Setenv("VIVER_CACHE", filepath.Join(e.WorkDir, "cache"))
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exitcode": exitcode, "old": old},
	})
}

// old lets a file have been written long ago: old FILE...
func old(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: old FILE...")
	}
	long := time.Now().Add(-100 * time.Hour)
	for _, name := range args {
		ts.Check(os.Chtimes(ts.MkAbs(name), long, long))
	}
}

// imageWorld is some servers, with the folder of a script.
type imageWorld struct {
	t        testing.TB
	dir, net string
}

func (w *imageWorld) path(names ...string) string {
	return filepath.Join(append([]string{w.dir}, names...)...)
}

// start starts all servers at one port of different addresses, and writes the state.
func (w *imageWorld) start() (port string, err error) {
	ca, err := trust.Open(w.path(".viver", "ca"))
	if err != nil {
		return "", err
	}
	names, err := filepath.Glob(w.path("servers", "*.json"))
	if err != nil {
		return "", err
	}
	port = "0"
	var known []*state.Instance
	for i, path := range names {
		name, address := strings.TrimSuffix(filepath.Base(path), ".json"), fmt.Sprint(w.net, i+1)
		s := sshtest.Serve(w.t, ca, name, net.JoinHostPort(address, port))
		if _, port, err = net.SplitHostPort(s.Addr); err != nil {
			return "", err
		}
		w.serve(s, name)
		known = append(known, &state.Instance{
			Addr: "server." + name, Group: "server." + name, Type: "server", Status: state.Complete,
			Inputs:   cty.ObjectVal(map[string]cty.Value{"address": cty.StringVal(address)}),
			Computed: map[string]cty.Value{"name": cty.StringVal(name)},
		})
	}
	return port, errors.Join(w.remember(known), os.MkdirAll(w.path("removed"), 0o755))
}

func (w *imageWorld) remember(known []*state.Instance) error {
	if needed, err := os.ReadFile(w.path("needed")); err == nil {
		known = append(known, &state.Instance{
			Addr: "image.desk", Group: "image.desk", Type: "image", Status: state.Complete, Inputs: cty.EmptyObjectVal,
			Computed: map[string]cty.Value{"id": cty.StringVal(strings.TrimSpace(string(needed)))},
		})
	}
	s, err := state.Dir(w.path(".viver")).Open(w.t.Context(), "test")
	if err != nil {
		return err
	}
	for _, i := range known {
		err = errors.Join(err, s.Append(state.Change{Put: i}))
	}
	return errors.Join(err, s.Close())
}

// serve lets a server answer.
func (w *imageWorld) serve(s *sshtest.Server, name string) {
	answer := func(op spec.Op, do func(c *sshtest.Call) (any, error)) {
		s.Handle(op, func(c *sshtest.Call) (any, error) {
			if text, err := os.ReadFile(w.path("servers", name+".error")); err == nil {
				return nil, errors.New(strings.TrimSpace(string(text)))
			}
			return do(c)
		})
	}
	answer(spec.OpImageList, func(*sshtest.Call) (any, error) { return document[[]spec.StoredImage](w.path("servers", name+".json")) })
	answer(spec.OpMachines, func(*sshtest.Call) (any, error) {
		machines, err := document[[]spec.Machine](w.path("machines.json"))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		for i := range machines {
			machines[i].LastSeen = time.Now()
		}
		return machines, err
	})
	answer(spec.OpImageRemove, func(c *sshtest.Call) (any, error) {
		if text, err := os.ReadFile(w.path("servers", name+".busy")); err == nil {
			c.Send(spec.Reply{Progress: strings.TrimSpace(string(text))})
			return struct{}{}, nil
		}
		var n spec.Named
		if err := json.Unmarshal(c.Args, &n); err != nil {
			return nil, err
		}
		return struct{}{}, appendLine(w.path("removed", name), n.Name)
	})
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}
