package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"viver/nodeimage/spec"
)

func unit(name, failure string) spec.UnitSpec {
	return spec.UnitSpec{Name: name, Type: "test", Config: must(json.Marshal(failure))}
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	var s spec.AgentStatus
	if _, err := ask(t, w.operator, spec.OpStatus, nil, &s); err != nil {
		t.Fatal(err)
	}
	if s.Version != "test" || s.Cluster != w.cluster() || s.Name != "seed" || s.BootID == "" || s.Hostname == "" || !s.Passports {
		t.Errorf("%+v", s)
	}
}

func TestUnits(t *testing.T) {
	w := newWorld(t)
	var s spec.UnitStatus
	if _, err := ask(t, w.operator, spec.OpUnitPut, unit("boot.dhcp", ""), &s); err != nil {
		t.Fatal(err)
	}
	if s.State != spec.UnitReady || s.Detail != "images in "+filepath.Join(w.dir, "images") {
		t.Errorf("%+v", s)
	}
	if _, err := ask(t, w.operator, spec.OpUnitPut, unit("boot.tftp", "tftp: port 69 is in use"), &s); err != nil {
		t.Fatal(err)
	}
	if s.State != spec.UnitFailed || s.Detail != "tftp: port 69 is in use" {
		t.Errorf("%+v", s)
	}
	refused(t, w.operator, spec.OpUnitPut, unit("../x", ""), "no name for a unit")
	if _, err := ask(t, w.operator, spec.OpUnitRemove, spec.Named{Name: "boot.tftp"}, &s); err != nil || s.State != spec.UnitStopped {
		t.Errorf("%+v, %v", s, err)
	}
	// What the unit saw of a machine is known.
	var machines []spec.Machine
	if _, err := ask(t, w.operator, spec.OpMachines, nil, &machines); err != nil {
		t.Fatal(err)
	}
	if len(machines) != 1 || machines[0].MAC != testMAC || machines[0].Stage() != spec.StageFirmware {
		t.Errorf("%+v", machines)
	}
}

func TestUnitsAndNodesOutliveTheAgent(t *testing.T) {
	w := newWorld(t)
	for op, args := range map[spec.Op]any{spec.OpUnitPut: unit("boot.dhcp", ""), spec.OpNodePut: spec.NodeSpec{Name: "pc01", MAC: testMAC}} {
		if _, err := ask(t, w.operator, op, args, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
	var s spec.UnitStatus
	if _, err := ask(t, w.operator, spec.OpUnitPut, unit("boot.dhcp", ""), &s); err != nil || s.State != spec.UnitReady {
		t.Errorf("%+v, %v", s, err)
	}
	var machines []spec.Machine
	if _, err := ask(t, w.operator, spec.OpMachines, nil, &machines); err != nil || len(machines) != 1 || machines[0].Node != "pc01" {
		t.Errorf("%+v, %v", machines, err)
	}
}

// image returns an image of two chunks, and its payload in the order of spec.OpImagePut.
func image() (*spec.Manifest, spec.Digest, []byte) {
	root := bytes.Repeat([]byte("viver123"), (spec.ChunkSize+4096)/8)
	kernel, initrd := []byte("kernel"), []byte("initrd!")
	m := &spec.Manifest{
		Version: 1,
		Root:    spec.Root{Size: int64(len(root)), Chunks: []spec.Digest{spec.DigestOf(root[:spec.ChunkSize]), spec.DigestOf(root[spec.ChunkSize:])}},
		Files: map[string]spec.File{
			"vmlinuz": {Size: int64(len(kernel)), SHA256: spec.DigestOf(kernel)},
			"initrd":  {Size: int64(len(initrd)), SHA256: spec.DigestOf(initrd)},
		},
		Architecture: "amd64",
	}
	_, id, err := m.Encode()
	if err != nil {
		panic(err)
	}
	return m, id, bytes.Join([][]byte{initrd, kernel, root}, nil)
}

func TestImages(t *testing.T) {
	w := newWorld(t)
	m, id, payload := image()
	spoilt := bytes.Clone(payload)
	spoilt[len(spoilt)-1] ^= 1
	refused(t, w.operator, spec.OpImagePut, m, "chunk 1 of 2", spoilt)
	refused(t, w.operator, spec.OpImagePut, spec.Manifest{}, "version 0")
	for range 2 { // the second time it is there already
		if _, err := ask(t, w.operator, spec.OpImagePut, m, nil, payload); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(t, w.operator, spec.OpNodePut, spec.NodeSpec{Name: "pc01", Image: id}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, w.operator, spec.OpImageRemove, spec.Named{Name: string(id)}, nil); err != nil {
		t.Fatal(err)
	}
	var there []spec.StoredImage
	if _, err := ask(t, w.operator, spec.OpImageList, nil, &there); err != nil {
		t.Fatal(err)
	}
	data, _, err := m.Encode()
	want := []spec.StoredImage{{ID: id, Bytes: int64(len(payload) + len(data)), Users: []string{"pc01"}}}
	if diff := cmp.Diff(want, there, cmpopts.IgnoreFields(spec.StoredImage{}, "Added")); diff != "" || err != nil {
		t.Errorf("one in use stays: %s, %v", diff, err)
	}
	if _, err := ask(t, w.operator, spec.OpNodeRemove, spec.Named{Name: "pc01"}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := ask(t, w.operator, spec.OpImageRemove, spec.Named{Name: string(id)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(t, w.operator, spec.OpImageList, nil, &there); err != nil || len(there) != 0 {
		t.Errorf("%v, %v", there, err)
	}
}

func TestSteps(t *testing.T) {
	w := newWorld(t)
	run := spec.StepRun{Mode: "apply", Steps: []spec.Step{{ID: "a", Type: "file"}, {ID: "b", Type: "fail"}}}
	events, err := ask(t, w.operator, spec.OpSteps, run, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		r := decode[spec.StepResult](t, e)
		got = append(got, r.ID+" "+string(r.Status))
	}
	if diff := cmp.Diff([]string{"a changed", "b failed"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStepsOfAMachineWaitForOneAnother(t *testing.T) {
	w := newWorld(t)
	blocked := begin(t, w.operator, request(spec.OpSteps, spec.StepRun{Mode: "apply", Steps: []spec.Step{{ID: "a"}, {Type: "block"}}}))
	blocked.next(t) // it has the turn
	second := begin(t, w.operator, request(spec.OpSteps, spec.StepRun{Mode: "apply", Steps: []spec.Step{{ID: "b"}}}))
	if r := second.next(t); !strings.Contains(r.Progress, "waits") {
		t.Errorf("%+v", r)
	}
	blocked.Close() // its client goes away: it is cancelled
	if r := second.next(t); r.Event == nil || decode[spec.StepResult](t, r.Event).ID != "b" {
		t.Errorf("%+v", r)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	refused(t, w.operator, "nonsense", nil, "image.put")
	refused(t, w.operator, spec.OpPowerOff, nil, "does not switch it off")
	refused(t, w.operator, spec.OpNodePut, map[string]int{"future": 1}, "future")
	refused(t, w.operator, spec.OpNodePut, nil, "EOF")
	for _, line := range []string{"", "{", `{"op":1}`, `{"op":"status"}{}`, `{"op":"status","more":1}`} {
		if r := begin(t, w.operator, line).next(t); r.Error == "" {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

func TestQuit(t *testing.T) {
	w := newWorld(t)
	if _, err := ask(t, w.operator, spec.OpUnitPut, unit("boot.dhcp", ""), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, w.operator, spec.OpQuit, nil, nil); err != nil {
		t.Fatal(err)
	}
	err := <-w.ended
	w.ended <- err // for the cleanup
	if err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", w.ssh); err == nil {
		t.Error("it serves on")
	}
}

func TestIncompleteIdentityIsRefused(t *testing.T) {
	for _, name := range []string{"host_key", "host_key-cert.pub", "tls.crt", "tls.key", spec.IdentityFile} {
		dir := t.TempDir()
		newAuthority().identify(t, dir)
		if err := os.WriteFile(filepath.Join(dir, spec.IdentityDir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCredentials(dir); err == nil {
			t.Errorf("a spoilt %s was taken", name)
		}
	}
	if _, err := loadCredentials(t.TempDir()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "viver apply") {
		t.Errorf("no identity: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(request(spec.OpNodePut, spec.NodeSpec{Name: "pc01"}) + "\npayload"))
	f.Add([]byte(`{"op":"status"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		none := map[spec.Op]operation{spec.OpQuit: with(func(context.Context, spec.NodeSpec) (any, error) { return nil, errors.New("no") })}
		_ = control(none)(t.Context(), readWriter{bytes.NewReader(data), &out})
		var r spec.Reply
		if err := spec.Decode(bytes.TrimSpace(out.Bytes()), &r); err != nil || r.Error == "" {
			t.Errorf("%q is answered by %q: %v", data, out.String(), err)
		}
	})
}

// readWriter joins two ends.
type readWriter struct {
	*bytes.Reader
	out *bytes.Buffer
}

func (rw readWriter) Write(p []byte) (int, error) { return rw.out.Write(p) }
