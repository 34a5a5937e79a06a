package roster

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/crypto/ssh"

	"viver/nodeimage/spec"
)

const cluster = "c0ffee"

var (
	desk  = spec.DigestOf([]byte("desk"))
	other = spec.DigestOf([]byte("other"))
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// clock moves on by a second each time it is looked at.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { c.now = c.now.Add(time.Second); return c.now }

func open(t *testing.T, path string) *Roster {
	t.Helper()
	r, err := Open(Config{Path: path, Cluster: cluster, Now: (&clock{start}).Now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fresh(t *testing.T) *Roster {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "roster.json"))
}

func hostKey(seed byte) string {
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)).Public())
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func mac(n int) string { return fmt.Sprintf("52:54:00:00:%02x:%02x", n>>8, n&255) }

// request is machine n's in its boot number boot.
func request(n, boot int) spec.JoinRequest {
	return spec.JoinRequest{
		Cluster: cluster, MAC: mac(n), Address: "10.20.0.101", BootID: fmt.Sprintf("b00700000%03d", boot), Image: desk, HostKey: hostKey(byte(n)),
		Boot: []spec.StageTime{{Stage: spec.StageNetwork, At: start}},
	}
}

func put(t *testing.T, r *Roster, nodes ...spec.NodeSpec) {
	t.Helper()
	for _, n := range nodes {
		if _, err := r.PutNode(n); err != nil {
			t.Fatal(err)
		}
	}
}

// join returns the name that the machine gets, or why it is put off.
func join(t *testing.T, r *Roster, q spec.JoinRequest) (name, token string) {
	t.Helper()
	response, wait, err := r.Join(q)
	switch {
	case err != nil:
		t.Fatal(err)
	case wait != nil:
		return wait.Reason, ""
	}
	return response.Node.Name, response.Token
}

func TestBinding(t *testing.T) {
	free := func(name string) spec.NodeSpec { return spec.NodeSpec{Name: name, Image: desk} }
	for name, c := range map[string]struct {
		nodes []spec.NodeSpec
		image spec.Digest
		want  []string // for machines 0, 1, 2 in this order
	}{
		"natural order":    {nodes: []spec.NodeSpec{free("pc10"), free("pc2"), free("pc1")}, want: []string{"pc1", "pc2", "pc10"}},
		"listed MAC first": {nodes: []spec.NodeSpec{free("pc1"), {Name: "pc0", Image: desk, MAC: strings.ToUpper(mac(1))}}, want: []string{"pc1", "pc0", "all 1 names"}},
		"listed is not free": {
			nodes: []spec.NodeSpec{{Name: "pc1", Image: desk, MAC: mac(9)}, free("pc2")},
			want:  []string{"pc2", "all 1 names", "all 1 names"},
		},
		"other image":             {nodes: []spec.NodeSpec{{Name: "pc1", Image: other}}, want: []string{"no node that", "no node that", "no node that"}},
		"listed, whatever it has": {nodes: []spec.NodeSpec{{Name: "pc1", Image: other, MAC: mac(2)}}, want: []string{"no node that", "no node that", "pc1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh(t)
			put(t, r, c.nodes...)
			for n, want := range c.want {
				if got, _ := join(t, r, request(n, 1)); !strings.HasPrefix(got, want) {
					t.Errorf("machine %d: %q, want %q", n, got, want)
				}
			}
		})
	}
}

func TestBindingIsRememberedForGood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.json")
	r := open(t, path)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk}, spec.NodeSpec{Name: "pc2", Image: desk})
	_, token := join(t, r, request(7, 1))
	r = open(t, path)
	if name, _ := join(t, r, request(3, 1)); name != "pc2" {
		t.Errorf("a second machine is %s", name)
	}
	if err := r.Report(spec.Report{MAC: mac(7), Token: token}); err != nil {
		t.Errorf("a token from before the restart: %v", err)
	}
	if name, _ := join(t, r, request(7, 2)); name != "pc1" {
		t.Errorf("the first machine is now %s", name)
	}
	m, err := r.PutNode(spec.NodeSpec{Name: "pc1", Image: other})
	if err != nil || m.MAC != mac(7) {
		t.Errorf("%+v, %v", m, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestListingAMachineMovesItsName(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	put(t, r, spec.NodeSpec{Name: "boss", Image: desk, MAC: mac(0)})
	if err := r.Report(spec.Report{MAC: mac(0), Token: token}); !errors.Is(err, ErrRefused) {
		t.Errorf("a report under the old name: %v", err)
	}
	if name, _ := join(t, r, request(0, 1)); name != "boss" {
		t.Errorf("it is %s", name)
	}
	if name, _ := join(t, r, request(1, 1)); name != "pc1" {
		t.Errorf("the freed name is not given again: %s", name)
	}
	if _, err := r.PutNode(spec.NodeSpec{Name: "pc3", MAC: mac(0)}); err == nil || !strings.Contains(err.Error(), "boss") {
		t.Errorf("one MAC for two nodes: %v", err)
	}
	if err := r.RemoveNode("boss"); err != nil {
		t.Fatal(err)
	}
	if reason, _ := join(t, r, request(0, 1)); !strings.HasPrefix(reason, "all 1 names") {
		t.Errorf("a removed node: %s", reason)
	}
}

// stages renders a boot in one line.
func stages(m spec.Machine) string {
	var names []string
	for _, s := range m.Boot {
		names = append(names, string(s.Stage))
	}
	return strings.Join(names, " ")
}

func TestStagesOfABoot(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	see := func(s spec.Stage) {
		r.Observe(spec.MachineEvent{MAC: mac(0), Stage: s, Firmware: "uefi", Address: "10.20.0.9"})
	}
	var token string
	report := func(stages ...spec.Stage) {
		t.Helper()
		rep := spec.Report{MAC: mac(0), Token: token, BytesRead: 7}
		for _, s := range stages {
			rep.Boot = append(rep.Boot, spec.StageTime{Stage: s, At: start})
		}
		if err := r.Report(rep); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		do   func()
		want string
	}{
		{func() { see(spec.StageFirmware) }, "firmware"},
		{func() { see(spec.StageFirmware) }, "firmware"},
		{func() { see(spec.StageKernel) }, "firmware kernel"},
		{func() { _, token = join(t, r, request(0, 1)) }, "firmware kernel network"},
		{func() { report(spec.StageInit, spec.StageRoot, "nonsense") }, "firmware kernel network root init"},
		{func() { report(spec.StageJoined) }, "firmware kernel network root init joined"},
		{func() { _, token = join(t, r, request(0, 1)) }, "firmware kernel network root init joined"},
		{func() { report(spec.StageLeft) }, "firmware kernel network root init joined left"},
		{func() { see(spec.StageFirmware) }, "firmware"},
		{func() { see(spec.StageKernel) }, "firmware kernel"},
		{func() { see(spec.StageFirmware) }, "firmware"},
		{func() { _, token = join(t, r, request(0, 2)) }, "firmware network"},
		{func() { report(spec.StageJoined) }, "firmware network joined"},
		// A boot that no unit saw: another DHCP server, or a kernel started by hand.
		{func() { _, token = join(t, r, request(0, 3)) }, "network"},
	} {
		c.do()
		if got := stages(r.Machines()[0]); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
	if m := r.Machines()[0]; m.BytesRead != 0 || m.Firmware != "uefi" || m.Node != "pc1" || m.BootID != request(0, 3).BootID {
		t.Errorf("%+v", m)
	}
}

func TestStageSaidAgainGetsTheLaterTime(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	q := request(0, 1)
	q.Boot[0].At = time.Time{} // a clock in year 1
	_, token := join(t, r, q)
	if at := r.Machines()[0].Boot[0].At; at.Year() != 2026 {
		t.Errorf("the absurd time %v was kept", at)
	}
	right := start.Add(time.Hour)
	if err := r.Report(spec.Report{MAC: mac(0), Token: token, Boot: []spec.StageTime{{Stage: spec.StageNetwork, At: right}}}); err != nil {
		t.Fatal(err)
	}
	if at := r.Machines()[0].Boot[0].At; !at.Equal(right) {
		t.Errorf("%v", at)
	}
}

func TestStepsAreMergedAndCleaned(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	for _, steps := range [][]spec.StepResult{
		{{ID: "a", Status: spec.StepFailed, Output: "\x1b[31mred\a" + strings.Repeat("x", 2*maxOutput)}, {ID: "b", Status: spec.StepSkipped}},
		{{ID: "b", Status: spec.StepChanged}},
	} {
		if err := r.Report(spec.Report{MAC: mac(0), Token: token, Steps: steps}); err != nil {
			t.Fatal(err)
		}
	}
	got := r.Machines()[0].Steps
	if len(got) != 2 || got[1].Status != spec.StepChanged || !strings.HasPrefix(got[0].Output, "[31mred") || len(got[0].Output) > maxOutput {
		t.Errorf("%.200v", got)
	}
}

func TestWarningsAreCleanedAndEnd(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	report := func(q spec.Report) []string {
		t.Helper()
		q.MAC, q.Token = mac(0), token
		if err := r.Report(q); err != nil {
			t.Fatal(err)
		}
		return r.Machines()[0].Warnings
	}
	full := []string{"\x1b[31mfull", strings.Repeat("x", 2*maxText)}
	if got := report(spec.Report{Warnings: full}); len(got) != 2 || got[0] != "[31mfull" || len(got[1]) != maxText {
		t.Errorf("%q", got)
	}
	if got := report(spec.Report{Warnings: slices.Repeat(full, 100)}); len(got) != maxWarnings {
		t.Errorf("%d warnings", len(got))
	}
	if got := report(spec.Report{}); got != nil {
		t.Errorf("%q", got)
	}
	report(spec.Report{Warnings: full})
	if got := report(spec.Report{Warnings: full, Boot: []spec.StageTime{{Stage: spec.StageLeft, At: start}}}); got != nil {
		t.Errorf("it left, and %q", got)
	}
	report(spec.Report{Boot: []spec.StageTime{{Stage: spec.StageJoined, At: start}}, Warnings: full})
	join(t, r, request(0, 2))
	if got := r.Machines()[0].Warnings; got != nil {
		t.Errorf("it boots again, and %q", got)
	}
}

func TestRefused(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	for want, spoil := range map[string]func(*spec.JoinRequest){
		"is of cluster":  func(q *spec.JoinRequest) { q.Cluster = "evil" },
		"no MAC address": func(q *spec.JoinRequest) { q.MAC = "../../x" },
		"no boot ID":     func(q *spec.JoinRequest) { q.BootID = "" },
		"not a digest":   func(q *spec.JoinRequest) { q.Image = "x" },
		"its host key":   func(q *spec.JoinRequest) { q.HostKey = "ssh-ed25519 AAAA" },
		"another key":    func(q *spec.JoinRequest) { q.HostKey = hostKey(99) },
		"a public key":   func(q *spec.JoinRequest) { q.PublicKey = []byte("x") },
	} {
		q := request(0, 1)
		spoil(&q)
		if _, _, err := r.Join(q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	for _, rep := range []spec.Report{{MAC: mac(0)}, {MAC: mac(0), Token: token + "x"}, {MAC: mac(1), Token: token}} {
		if err := r.Report(rep); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", rep, err)
		}
	}
	for _, n := range []spec.NodeSpec{{}, {Name: "a b"}, {Name: "-a"}, {Name: "pc1", MAC: "x"}, {Name: "pc1", Image: "x"}} {
		if _, err := r.PutNode(n); err == nil {
			t.Errorf("%+v was taken", n)
		}
	}
}

func TestMachinesAreBounded(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	join(t, r, request(0, 1))
	for n := range maxNameless + 10 {
		r.Observe(spec.MachineEvent{MAC: mac(n + 1), Stage: spec.StageFirmware, Detail: strings.Repeat("é", maxText)})
	}
	all := r.Machines()
	if len(all) != maxNameless+1 || all[0].Node != "pc1" || len(all[1].Waiting) > maxText {
		t.Errorf("%d machines, first %q", len(all), all[0].Node)
	}
	r.Observe(spec.MachineEvent{MAC: "nonsense", Stage: spec.StageFirmware})
	r.Observe(spec.MachineEvent{MAC: mac(0), Stage: "nonsense"})
	if got := r.Machines()[0]; stages(got) != "network" {
		t.Errorf("%+v", got)
	}
}

func TestTextOfStepsIsBounded(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	var steps []spec.StepResult
	for n := range maxSteps + 1 {
		steps = append(steps, spec.StepResult{ID: fmt.Sprint(n), Status: spec.StepFailed, Output: strings.Repeat("x", maxOutput)})
	}
	if err := r.Report(spec.Report{MAC: mac(0), Token: token, Steps: steps}); err != nil {
		t.Fatal(err)
	}
	got, bytes := r.Machines()[0].Steps, 0
	for _, s := range got {
		bytes += len(s.Output)
	}
	if len(got) != maxSteps || bytes != maxStepText || got[maxSteps-1].Status != spec.StepFailed {
		t.Errorf("%d steps with %d bytes", len(got), bytes)
	}
}

func TestListedMachinesAreNotForgotten(t *testing.T) {
	r := fresh(t)
	for n := range maxNameless + 100 {
		node := spec.NodeSpec{Name: fmt.Sprintf("pc%d", n), MAC: mac(n)}
		if _, err := r.putNode(node); err != nil {
			t.Fatal(err)
		}
	}
	for n := range maxNameless + 100 {
		r.Observe(spec.MachineEvent{MAC: mac(n), Stage: spec.StageFirmware})
	}
	if got := len(r.Machines()); got != maxNameless+100 {
		t.Errorf("%d machines", got)
	}
}

func TestUserOfAnImage(t *testing.T) {
	r := fresh(t)
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	_, token := join(t, r, request(0, 1))
	put(t, r, spec.NodeSpec{Name: "pc1", Image: other})
	if r.UserOf(other) != "pc1" || r.UserOf(desk) != "pc1" {
		t.Errorf("%q is to boot the one, %q runs the other", r.UserOf(other), r.UserOf(desk))
	}
	if err := r.Report(spec.Report{MAC: mac(0), Token: token, Boot: []spec.StageTime{{Stage: spec.StageLeft, At: start}}}); err != nil {
		t.Fatal(err)
	}
	if user := r.UserOf(desk); user != "" || len(r.UsersOf(desk)) > 0 {
		t.Errorf("%q has left", user)
	}
}

func TestSilentUsersOfAnImage(t *testing.T) {
	now := start
	r, err := Open(Config{Path: filepath.Join(t.TempDir(), "roster.json"), Cluster: cluster, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk})
	join(t, r, request(0, 1))
	put(t, r, spec.NodeSpec{Name: "pc1", Image: other})
	if err := r.RemoveNode("pc1"); err != nil {
		t.Fatal(err)
	}
	if r.UserOf(desk) != "" || !slices.Equal(r.UsersOf(desk), []string{mac(0)}) {
		t.Errorf("a machine without a name runs it, not %q, %q", r.UserOf(desk), r.UsersOf(desk))
	}
	now = now.Add(23 * time.Hour)
	if len(r.UsersOf(desk)) != 1 {
		t.Error("its cable was out for a day, and its image is gone")
	}
	now = now.Add(time.Hour)
	if users := r.UsersOf(desk); len(users) > 0 {
		t.Errorf("%q never said goodbye", users)
	}
}

func TestWatch(t *testing.T) {
	r := fresh(t)
	r.Observe(spec.MachineEvent{MAC: mac(1), Stage: spec.StageFirmware})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan spec.Machine)
	ended := make(chan error)
	go func() {
		ended <- r.Watch(ctx, func(m spec.Machine) error { seen <- m; return nil })
	}()
	if m := <-seen; m.MAC != mac(1) {
		t.Errorf("first %+v", m)
	}
	r.Observe(spec.MachineEvent{MAC: mac(2), Stage: spec.StageFirmware})
	if m := <-seen; m.MAC != mac(2) {
		t.Errorf("then %+v", m)
	}
	put(t, r, spec.NodeSpec{Name: "pc1", Image: desk, MAC: mac(1)})
	if m := <-seen; m.Node != "pc1" {
		t.Errorf("then %+v", m)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := r.Watch(t.Context(), func(spec.Machine) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestSaveFailureIsSaid(t *testing.T) {
	r, err := Open(Config{Path: filepath.Join(t.TempDir(), "missing", "roster.json"), Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.PutNode(spec.NodeSpec{Name: "pc1"}); err == nil || !strings.Contains(err.Error(), "roster: save") {
		t.Errorf("%v", err)
	}
}

func FuzzJoin(f *testing.F) {
	good, err := json.Marshal(request(0, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		var q spec.JoinRequest
		if spec.Decode(data, &q) != nil {
			return
		}
		r := unsaved()
		if _, err := r.putNode(spec.NodeSpec{Name: "pc1", Image: desk}); err != nil {
			t.Fatal(err)
		}
		q, err := cleanJoin(q)
		if err != nil {
			return
		}
		if _, _, err := r.join(q); err != nil {
			t.Fatal(err)
		}
		file, _, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		again := unsaved()
		if err := again.decode(file); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Machines(), again.Machines(), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

// unsaved returns an empty roster that is not read from a file.
func unsaved() *Roster {
	r := &Roster{config: Config{Cluster: cluster, Now: (&clock{start}).Now}}
	r.nodes, r.machines = map[string]spec.NodeSpec{}, map[string]*record{}
	return r
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"nodes":[{"name":"pc1"}],"machines":[{"machine":{"mac":"52:54:00:00:00:01","last_seen":"2026-01-02T03:04:05Z","bytes_read":0}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := unsaved()
		if r.decode(data) != nil {
			return
		}
		r.changes++
		if _, _, err := r.encode(); err != nil {
			t.Error(err)
		}
	})
}

func TestBadFileIsRefused(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":2,"nodes":[],"machines":[]}`, `{"version":1,"nodes":[{"name":"../x"}],"machines":[]}`} {
		path := filepath.Join(t.TempDir(), "roster.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Path: path, Cluster: cluster}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeepWhatADocumentDoesNotSpeakOf(t *testing.T) {
	r := fresh(t)
	steps := []spec.Step{{ID: "step.file.motd", Type: "file", Config: json.RawMessage(`{}`)}}
	put := func(documents ...spec.NodeSpec) {
		t.Helper()
		for _, n := range documents {
			if _, err := r.PutNode(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(spec.NodeSpec{Name: "pc01", Image: desk, KeepSteps: true, Field: &spec.FieldSpec{Memory: "10%"}},
		spec.NodeSpec{Name: "pc01", Image: desk, Steps: steps, KeepField: true},
		spec.NodeSpec{Name: "pc01", Image: other, KeepSteps: true, KeepField: true})
	if diff := cmp.Diff(spec.NodeSpec{Name: "pc01", Image: other, Steps: steps, Field: &spec.FieldSpec{Memory: "10%"}}, r.nodes["pc01"]); diff != "" {
		t.Error(diff)
	}
	put(spec.NodeSpec{Name: "pc01", Image: other, KeepSteps: true})
	if diff := cmp.Diff(spec.NodeSpec{Name: "pc01", Image: other, Steps: steps}, r.nodes["pc01"]); diff != "" {
		t.Error(diff)
	}
}
