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
	"golang.org/x/crypto/ssh"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/planner/state"
	"viver/providers/fleet"
	"viver/providers/ssh/sshtest"
	"viver/providers/trust"
)

// TestFieldScripts plays the command lines in testdata/field against a server and nodes in this process. The files nodes/NAME.json, in the
// order of their names, say which nodes have joined, and what each says of the shared root; after it was asked once, NAME.next takes its
// place. A file NAME.error has the error that a node answers to everything, and maps/NAME.json its map. What nodes are told goes into the
// file told/NAME.
func TestFieldScripts(t *testing.T) {
	var worlds atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/field",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Deadline:            time.Now().Add(5 * time.Minute),
		Setup: func(e *testscript.Env) error {
			w := &fieldWorld{t: t, dir: e.WorkDir, net: fmt.Sprintf("127.77.%d.", worlds.Add(1))}
			port, err := w.start()
			e.Setenv("AGENT_PORT", port)
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exitcode": exitcode},
	})
}

// fieldWorld is a server and its nodes, with the folder of a script.
type fieldWorld struct {
	t        testing.TB
	dir, net string
	machines []spec.Machine
}

// start starts all agents at one port of different addresses, and writes a state with the server.
func (w *fieldWorld) start() (port string, err error) {
	ca, err := trust.Open(filepath.Join(w.dir, ".viver", "ca"))
	if err != nil {
		return "", err
	}
	seed := sshtest.Serve(w.t, ca, "seed", w.net+"1:0")
	if _, port, err = net.SplitHostPort(seed.Addr); err != nil {
		return "", err
	}
	names, err := filepath.Glob(filepath.Join(w.dir, "nodes", "*.json"))
	if err != nil {
		return "", err
	}
	for i, path := range names {
		w.node(ca, strings.TrimSuffix(filepath.Base(path), ".json"), fmt.Sprint(w.net, i+2), port)
	}
	seed.Handle(spec.OpMachines, func(*sshtest.Call) (any, error) { return w.machines, nil })
	return port, errors.Join(w.remember(), os.MkdirAll(filepath.Join(w.dir, "told"), 0o755))
}

// remember writes the state.
func (w *fieldWorld) remember() error {
	s, err := state.Dir(filepath.Join(w.dir, ".viver")).Open(w.t.Context(), "test")
	if err != nil {
		return err
	}
	err = s.Append(state.Change{Put: &state.Instance{
		Addr: "server.seed", Group: "server.seed", Type: "server", Status: state.Complete,
		Inputs:   cty.ObjectVal(map[string]cty.Value{"address": cty.StringVal(w.net + "1")}),
		Computed: map[string]cty.Value{"name": cty.StringVal("seed")},
	}})
	return errors.Join(err, s.Close())
}

// node starts a node that has joined.
func (w *fieldWorld) node(ca *trust.Authority, name, address, port string) {
	agent := sshtest.Serve(w.t, ca, name, net.JoinHostPort(address, port))
	answer := func(op spec.Op, do func(args json.RawMessage) (any, error)) {
		agent.Handle(op, func(c *sshtest.Call) (any, error) {
			if text, err := os.ReadFile(w.path("nodes", name+".error")); err == nil {
				return nil, errors.New(strings.TrimSpace(string(text)))
			}
			return do(c.Args)
		})
	}
	answer(spec.OpFieldStatus, func(json.RawMessage) (any, error) { return w.status(name) })
	answer(spec.OpFieldMap, func(json.RawMessage) (any, error) { return document[[]field.Range](w.path("maps", name+".json")) })
	answer(spec.OpFieldWish, func(args json.RawMessage) (any, error) {
		return struct{}{}, os.WriteFile(w.path("told", name), append(args, '\n'), 0o644)
	})
	w.machines = append(w.machines, spec.Machine{
		MAC: "52:54:00:00:00:0" + fmt.Sprint(len(w.machines)), Node: name, Address: address,
		HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(agent.HostKey))), Boot: []spec.StageTime{{Stage: spec.StageJoined}},
	})
}

func (w *fieldWorld) path(folder, name string) string { return filepath.Join(w.dir, folder, name) }

// status is what a node says now, and what it says next is put into its place.
func (w *fieldWorld) status(name string) (any, error) {
	s, err := document[field.Status](w.path("nodes", name+".json"))
	if err == nil {
		err = os.Rename(w.path("nodes", name+".next"), w.path("nodes", name+".json"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, err
}

func document[D any](path string) (doc D, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = spec.Decode(data, &doc)
	}
	return doc, err
}

func TestGraph(t *testing.T) {
	at := func(seconds int, part float64) field.Coverage {
		return field.Coverage{Time: time.Unix(int64(seconds), 0), Part: part}
	}
	long := make([]field.Coverage, 360)
	for i := range long {
		long[i] = at(5*i, min(1, float64(i)/300))
	}
	for want, points := range map[string][]field.Coverage{
		"":     nil,
		"█":    {at(0, 1)},
		"▁▄█":  {at(0, 0), at(5, 0.5), at(10, 1)},
		"▇":    {at(0, 0.999)},
		"▁▁▁█": {at(0, 0), at(1, 0), at(2, 0), at(100, 1)}, // nothing was noted for long
		"▁█":   {at(0, -1), at(5, 2)},                      // nonsense from a machine
		"▁▁▁▁▁▁▁▁▂▂▂▂▂▂▂▃▃▃▃▃▃▃▄▄▄▄▄▄▄▅▅▅▅▅▅▅▆▆▆▆▆▆▆▇▇▇▇▇▇▇██████████": long,
	} {
		if got := graph(points); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if same := []field.Coverage{at(1, 1), at(1, 0)}; graph(same) == "" { // a clock that stood still
		t.Error("nothing is drawn")
	}
}

func TestBinary(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0", 1: "1", 4096: "4KiB", 256 << 10: "256KiB", 3 << 19: "1536KiB", 64 << 20: "64MiB", 2 << 30: "2GiB"} {
		if got := binary(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		} else if back, err := field.ParseBytes(got); err != nil || back != bytes {
			t.Errorf("the configuration takes %s for %d: %v", got, back, err)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "-", 1234567: "1.23ms", 15678901: "16ms", 1234567890: "1.23s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestScreen(t *testing.T) {
	traffic := fleet.Traffic{Sources: []fleet.Source{{Name: "pc1"}, {Name: "pc2"}, {Name: "pc3"}}}
	whole, err := screen(traffic, time.Second, 100)
	if err != nil || !strings.HasPrefix(whole, "\x1b[HNodes: 0.") || strings.Count(whole, "\n") != 7 || !strings.HasSuffix(whole, "\x1b[K\n\x1b[J") {
		t.Errorf("%q, %v", whole, err)
	}
	cut, err := screen(traffic, time.Second, 5)
	if err != nil || strings.Count(cut, "\n") != 5 || !strings.Contains(cut, "pc1") || strings.Contains(cut, "pc2") {
		t.Errorf("%q, %v", cut, err)
	}
}
