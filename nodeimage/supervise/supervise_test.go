package supervise

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
)

// behaviour is the configuration of the units of these tests.
type behaviour struct {
	Fail   string `json:"fail,omitempty"`   // say this and end
	Once   bool   `json:"once,omitempty"`   // fail only if it was not started before
	Deaf   bool   `json:"deaf,omitempty"`   // do not end on SIGTERM
	Events string `json:"events,omitempty"` // written to the event pipe as they are
	Number int    `json:"number,omitempty"`
}

func TestMain(m *testing.M) {
	if os.Getenv("VIVER_TEST_UNIT") != "" {
		runUnit()
	}
	os.Exit(m.Run())
}

// runUnit is what a unit's process does here.
func runUnit() {
	var start spec.UnitStart
	var b behaviour
	data, _ := io.ReadAll(os.Stdin)
	if err := spec.Decode(data, &start); err != nil {
		panic(err)
	}
	if err := spec.Decode(start.Unit.Config, &b); err != nil {
		panic(err)
	}
	mark := filepath.Join(start.StateDir, "started")
	_, err := os.Stat(mark)
	if b.Fail != "" && (!b.Once || err != nil) {
		_ = os.WriteFile(mark, nil, 0o600)
		fmt.Fprintf(os.Stderr, "looking at %s\n%s\n", start.Cluster, b.Fail)
		os.Exit(1)
	}
	ended := make(chan os.Signal, 1)
	if b.Deaf {
		signal.Ignore(syscall.SIGTERM)
		signal.Notify(ended, syscall.SIGUSR1)
	} else {
		signal.Notify(ended, syscall.SIGTERM)
	}
	events := os.NewFile(3, "events")
	fmt.Fprint(events, b.Events)
	detail := fmt.Sprint("pid ", os.Getpid())
	if start.Passport != nil || start.Key != "" {
		detail += " of " + start.Passport.Chain
	}
	ready := spec.UnitEvent{Ready: &spec.UnitReadyEvent{Detail: detail, Services: []spec.Service{{Type: "_x._tcp", Port: 7}}}}
	_ = json.NewEncoder(events).Encode(ready)
	<-ended
	os.Exit(0)
}

func config(t *testing.T) Config {
	return Config{
		Dir:   t.TempDir(),
		World: spec.UnitStart{Cluster: "abc"},
		Command: func() *exec.Cmd {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "VIVER_TEST_UNIT=1")
			return cmd
		},
		Output: io.Discard,
		Pause:  func(int) time.Duration { return time.Hour },
	}
}

func supervisor(t *testing.T, c Config) *Supervisor {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

func unitSpec(name string, b behaviour) spec.UnitSpec {
	data, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return spec.UnitSpec{Name: name, Type: "test", Config: data}
}

func put(t *testing.T, s *Supervisor, u spec.UnitSpec) spec.UnitStatus {
	t.Helper()
	status, err := s.Put(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func alive(t *testing.T, status spec.UnitStatus) bool {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(status.Detail, "pid %d", &pid); err != nil {
		t.Fatalf("%+v: %v", status, err)
	}
	return syscall.Kill(pid, 0) == nil
}

func TestPutSameIsLeftAloneChangedIsRestarted(t *testing.T) {
	s := supervisor(t, config(t))
	first := put(t, s, unitSpec("a", behaviour{}))
	if first.State != spec.UnitReady || len(first.Services) != 1 || !alive(t, first) {
		t.Fatalf("%+v", first)
	}
	if again := put(t, s, unitSpec("a", behaviour{})); again.Detail != first.Detail {
		t.Errorf("restarted: %+v, then %+v", first, again)
	}
	changed := put(t, s, unitSpec("a", behaviour{Number: 1}))
	if changed.Detail == first.Detail || alive(t, first) || !alive(t, changed) {
		t.Errorf("not restarted: %+v, then %+v", first, changed)
	}
	if _, err := s.Remove("a"); err != nil || alive(t, changed) || len(s.Status()) != 0 {
		t.Errorf("removed: %v, %+v", err, s.Status())
	}
	if status, err := s.Remove("a"); err != nil || status.State != spec.UnitStopped {
		t.Errorf("removed twice: %+v, %v", status, err)
	}
}

func TestFailureComesBack(t *testing.T) {
	s := supervisor(t, config(t))
	u := unitSpec("dhcp", behaviour{Fail: "dhcp: port 67 is in use by dnsmasq", Once: true})
	status := put(t, s, u)
	if status.State != spec.UnitFailed || status.Detail != "dhcp: port 67 is in use by dnsmasq" {
		t.Fatalf("%+v", status)
	}
	if status = put(t, s, u); status.State != spec.UnitReady || status.Restarts != 1 {
		t.Errorf("put again after the cause is gone: %+v", status)
	}
}

func TestRestartsAfterFailure(t *testing.T) {
	c := config(t)
	changed := make(chan struct{}, 100)
	c.Changed = func() { changed <- struct{}{} }
	c.Pause = func(int) time.Duration { return time.Millisecond }
	s := supervisor(t, c)
	put(t, s, unitSpec("a", behaviour{Fail: "oh", Once: true}))
	for range changed {
		if st := s.Status()[0]; st.State == spec.UnitReady && st.Restarts == 1 {
			return
		}
	}
}

func TestUnitsSurviveTheAgent(t *testing.T) {
	c := config(t)
	s := supervisor(t, c)
	old := []spec.UnitStatus{put(t, s, unitSpec("b", behaviour{})), put(t, s, unitSpec("a", behaviour{}))}
	s.Stop()
	if alive(t, old[0]) || alive(t, old[1]) {
		t.Fatal("a unit outlived the agent")
	}
	if _, err := s.Put(t.Context(), unitSpec("c", behaviour{})); err == nil {
		t.Error("a unit was put while the agent ends")
	}
	s = supervisor(t, c)
	var names []string
	for _, st := range s.Status() {
		names = append(names, st.Name)
	}
	if diff := cmp.Diff([]string{"b", "a"}, names); diff != "" {
		t.Error(diff)
	}
	if st := put(t, s, unitSpec("b", behaviour{})); st.State != spec.UnitReady {
		t.Errorf("%+v", st)
	}
}

func TestDeafUnitIsKilled(t *testing.T) {
	c := config(t)
	c.StopGrace = 50 * time.Millisecond
	s := supervisor(t, c)
	status := put(t, s, unitSpec("a", behaviour{Deaf: true}))
	began := time.Now()
	s.Stop()
	if alive(t, status) || time.Since(began) < c.StopGrace {
		t.Errorf("it lives on, or was given no time: stopped after %v", time.Since(began))
	}
}

func TestEvents(t *testing.T) {
	c := config(t)
	machines := make(chan spec.MachineEvent, 1)
	c.Machine = func(e spec.MachineEvent) { machines <- e }
	s := supervisor(t, c)
	put(t, s, unitSpec("a", behaviour{Events: "no JSON\n" + `{"unknown":1}` + "\n" + `{"machine":{"mac":"m","stage":"firmware"}}` + "\n"}))
	if e := <-machines; e.MAC != "m" || e.Stage != spec.StageFirmware {
		t.Errorf("%+v", e)
	}
	long := put(t, s, unitSpec("b", behaviour{Events: strings.Repeat("x", maxEvent+1) + "\n"}))
	if long.State != spec.UnitFailed || !strings.Contains(long.Detail, "too long") {
		t.Errorf("an endless event: %+v", long)
	}
}

func TestOnlyUnitsThatServeBlocksHaveThePassport(t *testing.T) {
	c := config(t)
	c.World.Passport, c.World.Key = &spec.Passport{Chain: "this machine"}, "secret"
	s := supervisor(t, c)
	blocks := unitSpec("boot.nbd", behaviour{})
	blocks.Type = "nbd"
	if status := put(t, s, blocks); !strings.HasSuffix(status.Detail, " of this machine") {
		t.Errorf("%+v", status)
	}
	if status := put(t, s, unitSpec("boot.dhcp", behaviour{})); strings.Contains(status.Detail, "of") {
		t.Errorf("%+v", status)
	}
}

func TestBadNamesAndFilesAreRefused(t *testing.T) {
	s := supervisor(t, config(t))
	for _, name := range []string{"", "..", "a/b", ".hidden", strings.Repeat("x", 201)} {
		if _, err := s.Put(t.Context(), unitSpec(name, behaviour{})); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	for _, text := range []string{`{`, `{"version":2,"units":[]}`, `{"version":1,"units":[{"name":"../x","type":"y","config":1}]}`} {
		c := config(t)
		if err := os.WriteFile(file(c.Dir), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "units.json") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLineWriter(t *testing.T) {
	var out bytes.Buffer
	w := &lineWriter{name: "u", to: &out}
	fmt.Fprintf(w, "one\n\ntw")
	fmt.Fprintf(w, "o\n%s\nend", strings.Repeat("x", 2*maxLine))
	w.flush()
	var lines []string
	for s := bufio.NewScanner(&out); s.Scan(); {
		lines = append(lines, s.Text())
	}
	if diff := cmp.Diff([]string{"u: one", "u: two", "u: " + strings.Repeat("x", maxLine), "u: end"}, lines); diff != "" || w.last != "end" {
		t.Errorf("%s, last %q", diff, w.last)
	}
}

func FuzzUnitsFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"units":[{"name":"a","type":"dhcp","config":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		units, err := decode("units.json", data)
		if err != nil {
			return
		}
		dir := t.TempDir()
		if err := save(dir, units); err != nil {
			t.Fatal(err)
		}
		if _, err := load(dir); err != nil {
			t.Fatal(err)
		}
	})
}
