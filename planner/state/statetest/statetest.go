// Package statetest is what every Backend of a state has to pass.
package statetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/state"
)

// Site is a place for one state, empty at first.
type Site struct {
	// Backend gives a way to the state, as each operator has one.
	Backend func() state.Backend
	// Bytes is all that is kept there.
	Bytes func(t *testing.T) []byte
	// Stealable says that Unlock takes the right to write away; if not, it has to refuse.
	Stealable bool
}

// Run runs the suite; fresh makes a site for each part of it.
func Run(t *testing.T, fresh func(t *testing.T) Site) {
	for name, part := range map[string]func(*testing.T, Site){
		"Empty": empty, "Remembers": remembers, "OneWriter": oneWriter, "ManyWriters": manyWriters, "Fence": fence, "Together": together,
		"Reader": reader, "Refused": refused, "Replace": replace, "Many": many, "Large": large, "Secrets": secrets, "Canceled": canceled, "Kept": kept,
	} {
		t.Run(name, func(t *testing.T) { part(t, fresh(t)) })
	}
}

// Instance is an example of one, with a text in it.
func Instance(n int, text string) *state.Instance {
	return &state.Instance{
		Addr: fmt.Sprintf("node.pc[%d]", n), Group: "node.pc", Key: cty.NumberIntVal(int64(n)), Type: "node", Status: state.Complete, Protect: n%2 == 0,
		Inputs:   cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(text), "boot": cty.StringVal("pac.boot"), "mac": cty.NullVal(cty.String)}),
		Computed: map[string]cty.Value{"address": cty.StringVal("10.0.0.1")},
		Refs:     map[string]map[string]string{"boot": {"image.desk": "hmac-sha256:00"}}, Depends: []string{"image.desk"},
	}
}

func put(from, to int) (all []state.Change) {
	for n := from; n < to; n++ {
		all = append(all, state.Change{Put: Instance(n, "pc")})
	}
	return all
}

func text(t *testing.T, s *state.State) string {
	t.Helper()
	data, err := state.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func open(t *testing.T, b state.Backend) state.Writer {
	t.Helper()
	w, err := b.Open(t.Context(), "viver test")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func read(t *testing.T, b state.Backend) *state.State {
	t.Helper()
	s, err := b.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got *state.State) {
	t.Helper()
	if diff := cmp.Diff(text(t, want), text(t, got)); diff != "" {
		t.Errorf("%s:\n%.2000s", what, diff)
	}
	if len(want.Key()) != 32 || string(want.Key()) != string(got.Key()) {
		t.Errorf("%s: the key differs", what)
	}
}

func empty(t *testing.T, site Site) {
	b := site.Backend()
	if s := read(t, b); s.Lineage != "" || len(s.Instances) != 0 || s.Serial != 0 {
		t.Errorf("%+v", s)
	}
	if h, err := b.Holder(t.Context()); h != nil || err != nil {
		t.Errorf("holder %v, %v", h, err)
	}
	must(t, open(t, b).Close())
	if s := read(t, b); s.Lineage == "" || len(s.Key()) != 32 {
		t.Error("opening made no state")
	}
}

func remembers(t *testing.T, site Site) {
	w := open(t, site.Backend())
	must(t, w.Append(put(0, 3)...))
	must(t, w.Append(state.Change{Forget: "node.pc[1]"}, state.Change{Outputs: map[string]state.Output{"path": {Value: cty.StringVal("/etc"), Description: "where"}}}))
	moved, _, err := w.State().Move("node.pc[2]", "node.lab")
	must(t, err)
	must(t, w.Replace(moved))
	must(t, w.Append(put(5, 6)...))
	want := w.State()
	if len(want.Instances) != 3 || want.Origins["node.lab"] != "node.pc[2]" || w.Instance("node.pc[5]") == nil || w.Instance("node.pc[1]") != nil {
		t.Errorf("%+v", want)
	}
	same(t, "beside the writer", want, read(t, site.Backend()))
	must(t, w.Close())
	if err := w.Append(put(9, 10)...); err == nil {
		t.Error("a closed writer takes changes")
	}
	same(t, "after closing", want, read(t, site.Backend()))
	w = open(t, site.Backend())
	same(t, "after opening again", want, w.State())
	must(t, w.Close())
}

func oneWriter(t *testing.T, site Site) {
	b := site.Backend()
	w := open(t, b)
	other := site.Backend()
	_, err := other.Open(t.Context(), "viver destroy")
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() || locked.Holder.Command != "viver test" || locked.Place == "" {
		t.Fatalf("a second writer: %v", err)
	}
	if !strings.Contains(err.Error(), "viver test") {
		t.Errorf("the message does not say what it is locked for: %v", err)
	}
	if h, err := other.Holder(t.Context()); err != nil || h == nil || *h != locked.Holder {
		t.Errorf("holder %v, %v; want %v", h, err, locked.Holder)
	}
	must(t, w.Append(put(0, 1)...))
	must(t, w.Close())
	if h, err := other.Holder(t.Context()); h != nil || err != nil {
		t.Errorf("after closing: holder %v, %v", h, err)
	}
	w = open(t, other)
	must(t, w.Append(put(1, 2)...))
	must(t, w.Close())
}

// manyWriters fight for the right to write; each that has it adds one to what it found.
func manyWriters(t *testing.T, site Site) {
	var all sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 4 {
		all.Go(func() {
			b := site.Backend()
			for range 8 {
				w, err := b.Open(t.Context(), "viver test")
				var locked *state.LockedError
				if errors.As(err, &locked) {
					continue
				}
				if err == nil {
					n := len(w.State().Instances)
					err = errors.Join(w.Append(put(n, n+1)...), w.Close())
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if s := read(t, site.Backend()); len(s.Instances) != done || done == 0 {
		t.Errorf("%d instances of %d", len(s.Instances), done)
	}
}

func fence(t *testing.T, site Site) {
	first := open(t, site.Backend())
	must(t, first.Append(put(0, 1)...))
	b := site.Backend()
	seen, err := b.Holder(t.Context())
	if err != nil || seen == nil {
		t.Fatal(seen, err)
	}
	if err := b.Unlock(t.Context(), *seen); !site.Stealable {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
			t.Errorf("unlock: %v", err)
		}
		must(t, first.Append(put(1, 2)...))
		must(t, first.Close())
		return
	} else if err != nil {
		t.Fatal(err)
	}
	second := open(t, b)
	must(t, second.Append(put(1, 2)...))
	if err := first.Append(put(2, 3)...); err == nil {
		t.Error("who lost the right still writes")
	}
	if err := first.Replace(first.State()); err == nil {
		t.Error("who lost the right still replaces")
	}
	_ = first.Close()
	must(t, second.Append(put(3, 4)...))
	want := second.State()
	must(t, second.Close())
	if same(t, "after two writers", want, read(t, b)); len(want.Instances) != 3 {
		t.Errorf("%d instances", len(want.Instances))
	}
}

func together(t *testing.T, site Site) {
	w := open(t, site.Backend())
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			if err := w.Append(put(2*n, 2*n+2)...); err != nil {
				t.Error(err)
			}
			if w.Instance(fmt.Sprintf("node.pc[%d]", 2*n+1)) == nil {
				t.Error("what was appended is not there")
			}
		})
	}
	all.Wait()
	s := read(t, site.Backend())
	if len(s.Instances) != 64 || s.Serial != 64 {
		t.Errorf("%d instances, serial %d", len(s.Instances), s.Serial)
	}
	must(t, w.Close())
}

// reader reads while a writer comes, writes and goes. In each state the instances are as many as the serial says.
func reader(t *testing.T, site Site) {
	stop := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		last, b := uint64(0), site.Backend()
		for {
			select {
			case <-stop:
				return
			default:
			}
			s, err := b.Read(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			if uint64(len(s.Instances)) != s.Serial || s.Serial < last {
				t.Errorf("%d instances in serial %d, after serial %d", len(s.Instances), s.Serial, last)
			}
			last = s.Serial
		}
	})
	defer close(stop)
	b := site.Backend()
	for session := range 5 {
		w := open(t, b)
		for n := range 10 {
			must(t, w.Append(put(10*session+n, 10*session+n+1)...))
		}
		must(t, w.Close())
	}
}

func refused(t *testing.T, site Site) {
	w := open(t, site.Backend())
	for _, v := range []cty.Value{cty.UnknownVal(cty.String), cty.StringVal("x").Mark("secret"), cty.NilVal} {
		i := Instance(1, "pc")
		i.Computed["address"] = v
		if err := w.Append(state.Change{Put: Instance(0, "pc")}, state.Change{Put: i}); err == nil || !strings.Contains(err.Error(), "node.pc[1]: address") {
			t.Errorf("%#v: %v", v, err)
		}
	}
	must(t, w.Append(put(7, 8)...))
	must(t, w.Close())
	if s := read(t, site.Backend()); len(s.Instances) != 1 || s.Serial != 1 {
		t.Errorf("%d instances, serial %d", len(s.Instances), s.Serial)
	}
}

func replace(t *testing.T, site Site) {
	w := open(t, site.Backend())
	must(t, w.Append(put(0, 5)...))
	next := state.New("another", []byte("not this one"))
	next.Serial = 100
	next.Instances["node.pc[9]"] = Instance(9, "new")
	must(t, w.Replace(next))
	if w.State().Serial != 101 {
		t.Errorf("serial %d", w.State().Serial)
	}
	must(t, w.Append(put(1, 2)...))
	want := w.State()
	must(t, w.Close())
	got := read(t, site.Backend())
	if same(t, "after replacing", want, got); got.Lineage != "another" || len(got.Instances) != 2 || got.Serial != 102 {
		t.Errorf("lineage %s, %d instances, serial %d", got.Lineage, len(got.Instances), got.Serial)
	}
}

func many(t *testing.T, site Site) {
	const count = 5000
	w := open(t, site.Backend())
	for n := 0; n < count; n += 1000 {
		must(t, w.Append(put(n, n+1000)...))
	}
	must(t, w.Close())
	w = open(t, site.Backend())
	moved, _, err := w.State().Move("node.pc", "node.lab")
	must(t, err)
	must(t, w.Replace(moved))
	want := w.State()
	must(t, w.Close())
	got := read(t, site.Backend())
	if same(t, "many", want, got); len(got.Instances) != count || got.Instance("node.lab[4999]") == nil {
		t.Errorf("%d instances", len(got.Instances))
	}
}

func large(t *testing.T, site Site) {
	w := open(t, site.Backend())
	must(t, w.Append(state.Change{Put: Instance(0, strings.Repeat("large ", 600_000))}, state.Change{Put: Instance(1, "small")}))
	want := w.State()
	same(t, "large", want, read(t, site.Backend()))
	must(t, w.Append(state.Change{Put: Instance(0, "small again")}))
	var all []state.Change
	for n := range 100 {
		all = append(all, state.Change{Put: Instance(n, strings.Repeat("x", 30_000))})
	}
	must(t, w.Append(all...))
	want = w.State()
	must(t, w.Close())
	same(t, "many large ones", want, read(t, site.Backend()))
}

// secrets: no byte of a sensitive output is kept anywhere, also not in what was replaced.
func secrets(t *testing.T, site Site) {
	w := open(t, site.Backend())
	hidden := state.Output{Value: cty.ObjectVal(map[string]cty.Value{"deep": cty.TupleVal([]cty.Value{cty.StringVal("hunter2")})}), Sensitive: true}
	must(t, w.Append(put(0, 1)[0], state.Change{Outputs: map[string]state.Output{"pin": hidden, "open": {Value: cty.StringVal("visible")}}}))
	must(t, w.Replace(w.State()))
	must(t, w.Append(put(1, 2)...))
	must(t, w.Close())
	kept := string(site.Bytes(t))
	if strings.Contains(kept, "hunter2") || !strings.Contains(kept, "visible") {
		t.Errorf("the value of a sensitive output is kept, or nothing is:\n%.2000s", kept)
	}
	if strings.Contains(text(t, read(t, site.Backend())), "hunter2") {
		t.Error("what is read has the value of a sensitive output")
	}
}

func canceled(t *testing.T, site Site) {
	w := open(t, site.Backend())
	ctx, cancel := context.WithCancel(t.Context())
	b := site.Backend()
	other, err := b.Open(ctx, "viver test")
	if err == nil {
		t.Error(errors.Join(errors.New("two writers"), other.Close()))
	}
	must(t, w.Close())
	w, err = b.Open(ctx, "viver test")
	must(t, err)
	cancel()
	must(t, w.Append(put(0, 1)...)) // Ctrl-C does not keep what was done from being remembered
	must(t, w.Close())
	if s := read(t, b); len(s.Instances) != 1 {
		t.Errorf("%d instances", len(s.Instances))
	}
}

func kept(t *testing.T, site Site) {
	b := site.Backend()
	if data, err := b.Kept(t.Context(), "authority"); data != nil || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	w := open(t, b)
	must(t, w.Keep("authority", []byte("first")))
	must(t, w.Keep("authority", []byte("second\n\x00")))
	must(t, w.Append(put(0, 1)...))
	must(t, w.Close())
	if data, err := site.Backend().Kept(t.Context(), "authority"); string(data) != "second\n\x00" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := w.Keep("authority", nil); err == nil {
		t.Error("a closed writer keeps something")
	}
}
