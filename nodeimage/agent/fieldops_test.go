package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/field"
	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

// fakeField is a member that notes what it is told. It leaves as leave says.
type fakeField struct {
	status field.Status
	leave  error

	mu   sync.Mutex // guards told
	told []string
}

func (f *fakeField) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, fmt.Sprintf(format, args...))
	return nil
}

func (f *fakeField) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told)
}

func (f *fakeField) Status() (field.Status, error) { return f.status, nil }

func (f *fakeField) Map(id spec.Digest) ([]field.Range, error) {
	if id != "sha256:1" {
		return nil, fmt.Errorf("field: there is no image %s here", id)
	}
	return []field.Range{{Length: 7, State: "away"}}, nil
}

func (f *fakeField) Drain(name string, on bool) error { return f.note("drain %s %v", name, on) }

func (f *fakeField) Prefer(name string, factor float64) error {
	return f.note("prefer %s %v", name, factor)
}

func (f *fakeField) Hold(manifest []byte) error   { return f.note("hold %s", spec.DigestOf(manifest)) }
func (f *fakeField) Drop(image spec.Digest) error { return f.note("drop %s", image) }

func (f *fakeField) Leave(_ context.Context, force bool) error {
	_ = f.note("leave %v", force)
	if force {
		return nil
	}
	return f.leave
}

func TestOperatorsSeeTheField(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	member := &fakeField{status: field.Status{Self: field.Member{Name: "pc01"}, SeedNeeded: "why"}}
	b.config.Field = member
	addr, _ := b.run(t, t.Context())
	operator := w.dial(t, addr)
	var s field.Status
	if _, err := ask(t, operator, spec.OpFieldStatus, nil, &s); err != nil || !cmp.Equal(s, member.status) {
		t.Errorf("%+v, %v", s, err)
	}
	var ranges []field.Range
	if _, err := ask(t, operator, spec.OpFieldMap, spec.Named{Name: "sha256:1"}, &ranges); err != nil || len(ranges) != 1 || ranges[0].Length != 7 {
		t.Errorf("%+v, %v", ranges, err)
	}
	refused(t, operator, spec.OpFieldMap, spec.Named{Name: "sha256:2"}, "no image sha256:2")
	on := true
	for _, wish := range []spec.FieldWish{{Name: "pc02", Drain: &on}, {Name: "pc03", Prefer: 2}, {Name: "pc04", Drain: new(bool), Prefer: 3}} {
		if _, err := ask(t, operator, spec.OpFieldWish, wish, nil); err != nil {
			t.Error(err)
		}
	}
	refused(t, operator, spec.OpFieldWish, spec.FieldWish{Name: "pc02"}, "drain or prefer")
	refused(t, operator, spec.OpFieldWish, spec.FieldWish{Drain: &on}, "name a machine")
	response, err := http.Get("http://" + b.config.Metrics.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(text), "viver_field_member 1\n") {
		t.Errorf("%s, %v", text, err)
	}
	want := []string{"drain pc02 true", "prefer pc03 2", "drain pc04 false", "prefer pc04 3"}
	if diff := cmp.Diff(want, member.notes()); diff != "" {
		t.Error(diff)
	}
}

func TestAMachineThatIsNoMember(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	addr, _ := b.run(t, t.Context())
	operator := w.dial(t, addr)
	refused(t, operator, spec.OpFieldStatus, nil, door.ErrNoMember.Error())
	refused(t, operator, spec.OpFieldMap, spec.Named{Name: "sha256:1"}, door.ErrNoMember.Error())
	refused(t, operator, spec.OpFieldWish, spec.FieldWish{Name: "pc02", Prefer: 2}, door.ErrNoMember.Error())
}

// TestPowerOffHandsOver has a machine go down only once the others have what it holds, unless it is told to in any case.
func TestPowerOffHandsOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: chroot")
	}
	last := fmt.Errorf("field: leave: %w: 3 chunks would be lost", field.ErrLast)
	for name, c := range map[string]struct {
		leave error
		args  any
		told  string
		stays bool
	}{
		"handed over":   {nil, nil, "leave false", false},
		"the last":      {last, spec.PowerOff{}, "leave false", true},
		"the last goes": {last, spec.PowerOff{Force: true}, "leave true", false},
		"no member":     {fmt.Errorf("ask the field: %w", door.ErrNoMember), nil, "leave false", false},
		"lost":          {context.DeadlineExceeded, nil, "leave false", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.boot(t)
			member := &fakeField{leave: c.leave}
			b.config.Field, b.config.Root = member, t.TempDir()
			addr, _ := b.run(t, t.Context())
			var progress, failure string
			channel := begin(t, w.dial(t, addr), request(spec.OpPowerOff, c.args))
			for failure == "" {
				switch r := channel.next(t); {
				case r.Progress != "":
					progress = r.Progress
				default:
					failure = r.Error + "!"
				}
			}
			// A root without programs has no poweroff: that it is missed shows that the machine was to go down.
			if stays := !strings.Contains(failure, "poweroff: "); stays != c.stays || stays && !strings.Contains(failure, c.leave.Error()) {
				t.Errorf("it stays: %v: %s", stays, failure)
			}
			if diff := cmp.Diff([]string{c.told}, member.notes()); diff != "" {
				t.Error(diff)
			}
			if force := c.told == "leave true"; (progress == "") != force {
				t.Errorf("it says %q", progress)
			}
		})
	}
}

// FuzzWish has whatever comes as a wish be refused, or told to the member once it is whole.
func FuzzWish(f *testing.F) {
	f.Add([]byte(`{"name":"pc01","drain":true}`))
	f.Add([]byte(`{"name":"pc01","prefer":-1e400}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		member := new(fakeField)
		n := &node{config: NodeConfig{Field: member}}
		_, err := n.fieldOperations()[spec.OpFieldWish](t.Context(), &call{args: json.RawMessage(data)})
		if err == nil && len(member.told) == 0 {
			t.Error("a wish was taken that says nothing")
		}
	})
}
