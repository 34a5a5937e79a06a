package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

func command(id, script string, timeout time.Duration) spec.Step {
	config, err := json.Marshal(step.Command{Run: script})
	if err != nil {
		panic(err)
	}
	return spec.Step{ID: id, Type: "command", Config: config, Timeout: timeout}
}

func TestTimeoutEndsTheStepAndLeavesNothing(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, nil)
			got := m.Run(t, step.Apply, command("a", "sleep 300; echo >"+m.Prefix+"/late", 50*time.Millisecond), command("b", ":", 0))
			if got[0].Status != spec.StepFailed || !strings.Contains(got[0].Output, "longer than its timeout of 50ms") {
				t.Errorf("%+v", got[0])
			}
			if got[1].Status != spec.StepSkipped {
				t.Errorf("%+v", got[1])
			}
			if left, _ := os.ReadDir(m.Root + "/tmp"); len(left) > 0 {
				t.Errorf("the run left %v", left)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var got []spec.StepResult
	err := m.Runner.Run(ctx, step.Apply, []spec.Step{command("a", ":", 0), command("b", "sleep 300", 0), command("c", ":", 0)}, func(r spec.StepResult) {
		got = append(got, r)
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if len(got) != 3 || got[0].Status != spec.StepChanged || got[1].Status != spec.StepFailed || got[2].Status != spec.StepSkipped {
		t.Errorf("%+v", got)
	}
}

func TestShellThatDies(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	got := m.Run(t, step.Apply, command("a", "kill -9 0", 0), command("b", ":", 0))
	if got[0].Status != spec.StepFailed || !strings.Contains(got[0].Output, "killed") || got[1].Status != spec.StepSkipped {
		t.Errorf("%+v", got)
	}
}

func TestCheckGoesOnAfterAFailure(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, map[string]string{"folder/x": ""})
	steps := []spec.Step{
		{ID: "a", Type: "file", Config: fmt.Appendf(nil, `{"path":"%s/folder","content":""}`, m.Prefix)},
		command("b", ":", 0),
	}
	if got := m.Run(t, step.Check, steps...); got[0].Status != spec.StepFailed || got[1].Status != spec.StepDiffers {
		t.Errorf("%+v", got)
	}
}

func TestRefused(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	for config, want := range map[string]string{
		`file {"path":"etc/motd","content":""}`:                     "not absolute",
		`file {"path":"/etc/../motd","content":""}`:                 `write it as "/motd"`,
		`file {"path":"/","content":""}`:                            "/ itself",
		`file {"path":"/a\nb","content":""}`:                        "line break",
		`file {"path":"/a","content":"","mode":"rw"}`:               "not octal",
		`file {"path":"/a","content":"","owner":"a b"}`:             "no name of a user",
		`file {"path":"/a","content":"","colour":"red"}`:            "colour",
		`file {"path":"/a"}`:                                        "content or source",
		`file {"path":"/a","content":"","source":""}`:               "content or source",
		`file {"path":"/a","source":"a.png"}`:                       "not in base64",
		`link {"path":"/a","target":""}`:                            "want a path",
		`mount {"path":"/a","source":"-o"}`:                         "what is to be mounted",
		`mount {"path":"/a","source":"b","type":"a b"}`:             "no name of a file system",
		`mount {"path":"/a","source":"b","options":["a,b"]}`:        "not one option",
		`mount {"path":"/a","source":"b","options":["password=x"]}`: "list of processes",
		`mount {"path":"/a","source":"b","options":["remount"]}`:    "another mount",
		`group {"name":"Pupils"}`:                                   "no name of a group",
		`group {"name":"pupils","gid":-1}`:                          "want 0 to",
		`user {"name":"a:b"}`:                                       "no name of a user",
		`user {"name":"ada","uid":4294967295}`:                      "want 0 to",
		`user {"name":"ada","groups":["a b"]}`:                      "no name of a group",
		`user {"name":"ada","home":"/a:b"}`:                         "colon",
		`user {"name":"ada","shell":"bash"}`:                        "not absolute",
		`user {"name":"ada","password_hash":"viver"}`:               "openssl passwd -6",
		`sysctl {"name":"net..x","value":"1"}`:                      "no name of a setting",
		`sysctl {"name":"net/../x","value":"1"}`:                    "no name of a setting",
		`sysctl {"name":"vm.swappiness","value":" "}`:               "one line",
		`kernel_module {"name":"-r"}`:                               "no name of a module",
		`kernel_module {"name":"a","options":["b"]}`:                "NAME=VALUE",
		`kernel_module {"name":"a","options":["b=$(c)*"]}`:          "NAME=VALUE",
		`wait_for {}`:                                         "exactly one",
		`wait_for {"path":"/a","command":"b"}`:                "exactly one",
		`wait_for {"tcp":"10.20.0.1"}`:                        "HOST:PORT",
		`wait_for {"tcp":"-x:1"}`:                             "HOST:PORT",
		`wait_for {"tcp":"seed:70000"}`:                       "HOST:PORT",
		`command {"run":" "}`:                                 "run is empty",
		`command {"run":"a\u0000"}`:                           "NUL",
		`service {"name":"sshd"}`:                             "enabled or running",
		`service {"name":"-H root@pc","running":true}`:        "no name of a service",
		`package {"names":[]}`:                                "names is empty",
		`package {"names":["-o=APT::Update::Pre-Invoke"]}`:    "no name of a package",
		`fact {"run":""}`:                                     "run is empty",
		`teleport {}`:                                         "no step type",
		`directory {"path":"/srv","mode":"0755","group":"-"}`: "no name",
	} {
		stepType, document, _ := strings.Cut(config, " ")
		got := m.Run(t, step.Apply, command("first", "echo >"+m.Prefix+"/first", 0), spec.Step{ID: "bad", Type: stepType, Config: json.RawMessage(document)})
		if got[0].Status != spec.StepSkipped || got[1].Status != spec.StepFailed || !strings.Contains(got[1].Output, want) {
			t.Errorf("%s: want a refusal with %q, got %+v", config, want, got)
		}
	}
	if err := m.Runner.Run(t.Context(), "guess", nil, nil); err == nil {
		t.Error("an unknown mode was taken")
	}
}

func TestFactsAreBounded(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	for size, want := range map[int]spec.StepStatus{step.MaxFact: spec.StepSame, step.MaxFact + 1: spec.StepFailed} {
		config, _ := json.Marshal(step.Fact{Run: fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo noise >&2", size)})
		got := m.Run(t, step.Check, spec.Step{ID: "a", Type: "fact", Config: config})[0]
		if got.Status != want || want == spec.StepSame && len(got.Output) != size {
			t.Errorf("%d bytes: %s with %d bytes", size, got.Status, len(got.Output))
		}
	}
}

// What a script has printed before it fails may be half of the secret.
func TestSecretThatFails(t *testing.T) {
	for _, m := range machines(t) {
		m.Reset(t, nil)
		s := spec.Step{ID: "a", Type: "secret", Config: []byte(`{"run":"echo s3cret; echo why >&2; exit 3"}`)}
		if got := m.Run(t, step.Check, s)[0]; got.Status != spec.StepFailed || got.Output != "why" || !got.Secret {
			t.Errorf("%s: %+v", m.Name, got)
		}
	}
}

// Whoever reads that a step took too long also reads how far it was.
func TestTimeoutTellsHowFarItWas(t *testing.T) {
	for _, m := range machines(t) {
		m.Reset(t, nil)
		s := command("a", "echo halfway; sleep 300", 3*time.Second)
		if got := m.Run(t, step.Apply, s)[0]; !strings.HasPrefix(got.Output, "it took longer than its timeout of 3s: halfway") {
			t.Errorf("%s: %+v", m.Name, got)
		}
	}
}

// One that is ended takes back what it began.
func TestTimeoutTakesBack(t *testing.T) {
	for _, m := range roots(t) {
		m.Reset(t, map[string]string{"opt/bin/mount": "#!/bin/sh\nsleep 300\n"})
		before := m.Snapshot(t)
		s := mount(`{"path":"/a/b","source":"seed:/home"}`)
		s.Timeout = 2 * time.Second
		if m.Busybox {
			continue // its shell takes its own mount
		}
		if got := take(t, m, step.Apply, s, spec.StepFailed); !strings.Contains(got.Output, "longer than its timeout") {
			t.Errorf("%s: %+v", m.Name, got)
		}
		m.Unchanged(t, before, m.Name+": a mount that was ended")
	}
}

func TestOutputIsTheTail(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	got := m.Run(t, step.Apply, command("a", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 3", 0))[0]
	if len(got.Output) > 4096 || !strings.HasSuffix(got.Output, "line 1999") {
		t.Errorf("%d bytes, ending in %q", len(got.Output), got.Output[max(0, len(got.Output)-20):])
	}
}

// A secret must never be an argument of a process, where everybody can read it.
func TestNothingInArguments(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	file := spec.Step{ID: "a", Type: "file", Config: fmt.Appendf(nil, `{"path":"%s/key","content":"s3cret-s3cret"}`, m.Prefix)}
	// Its command line is that of the shell which runs all steps.
	look := command("b", `tr '\0' ' ' </proc/$$/cmdline >`+m.Prefix+`/cmdline; tr '\0' '\n' </proc/$$/environ >`+m.Prefix+`/environ`, 0)
	for _, r := range m.Run(t, step.Apply, file, look) {
		if r.Status != spec.StepChanged {
			t.Fatalf("%+v", r)
		}
	}
	for _, name := range []string{"cmdline", "environ"} {
		if text := m.Read(t, name); strings.Contains(text, "s3cret") || text == "" {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// In the tree of an image a service is not started, nothing is kept for undo, and the first failure ends the script.
func TestScript(t *testing.T) {
	good := []spec.Step{
		{ID: "a", Type: "service", Config: json.RawMessage(`{"name":"demo","enabled":true,"running":true}`)},
		{ID: "b", Type: "package", Config: json.RawMessage(`{"names":["vim"]}`)},
	}
	bad := []spec.Step{command("it's", "echo reason; false", 0), command("c", "echo >/late", 0)}
	for _, m := range bare(machines(t)) {
		files := service()
		maps.Copy(files, packages())
		files["usr/sbin/x"] = ""
		m.Reset(t, files)
		if out, err := m.Script(t, good); err != nil || !strings.Contains(out, "a: changed enabled -> true\nb: changed install vim") {
			t.Fatalf("%v\n%s<<<", err, out)
		}
		if out, err := m.Script(t, bad); err == nil || !strings.Contains(out, "reason\nit's failed") {
			t.Errorf("%v\n%s", err, out)
		}
		for _, name := range []string{"run/demo.pid", "var/lib/viver", "usr/sbin/policy-rc.d", "late"} {
			if _, err := os.Lstat(m.Root + "/" + name); err == nil {
				t.Errorf("%s is in the tree", name)
			}
		}
	}
	if _, err := step.Script([]spec.Step{{ID: "x", Type: "file", Config: json.RawMessage(`{}`)}}); err == nil {
		t.Error("a file without a path was taken")
	}
}
