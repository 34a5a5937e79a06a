package step_test

import (
	"strings"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/pacs/step/steptest"
)

// roots are the machines with accounts of their own.
func roots(t *testing.T) []*steptest.Machine {
	t.Helper()
	all := machines(t)
	if all[0].Prefix != "" {
		t.Skip("needs root: it changes accounts and mounts")
	}
	return all
}

func user(config string) spec.Step {
	return spec.Step{ID: "step.user.ada", Type: "user", Config: []byte(config)}
}

// take runs a step and fails the test if it does not end as wanted.
func take(t *testing.T, m *steptest.Machine, mode string, s spec.Step, want spec.StepStatus) spec.StepResult {
	t.Helper()
	got := m.Run(t, mode, s)[0]
	if got.Status != want {
		t.Fatalf("%s %s: got %+v, want %s", mode, s.Config, got, want)
	}
	return got
}

func TestUserThatChanges(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, steptest.Accounts())
			before := m.Snapshot(t)
			first := user(`{"name":"ada","uid":2000,"groups":["audio"]}`)
			second := user(`{"name":"ada","uid":2001,"group":"daemon","groups":["root"],"home":"/srv/ada","shell":"/bin/sh","password_hash":"!"}`)
			take(t, m, step.Apply, first, spec.StepChanged)
			want := "uid 2000 -> 2001, group ada -> daemon, home /home/ada -> /srv/ada, shell /bin/bash -> /bin/sh, another password, join root, leave audio, there is no /srv/ada"
			if m.Busybox {
				want = strings.Replace(want, "shell /bin/bash -> /bin/sh, ", "", 1)
			}
			if got := take(t, m, step.Check, second, spec.StepDiffers).Diff; got != want {
				t.Errorf("it differs in %q, want %q", got, want)
			}
			take(t, m, step.Apply, second, spec.StepChanged)
			if got := m.Read(t, "etc/group"); !strings.Contains(got, "root:x:0:ada\n") || !strings.Contains(got, "audio:x:29:daemon\n") {
				t.Errorf("groups:\n%s", got)
			}
			take(t, m, step.Undo, second, spec.StepUndone)
			m.Unchanged(t, before, "undo after an update")
		})
	}
}

// The file of passwords is as it was, and so is everything else.
func TestUserThatFails(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, steptest.Accounts())
			for config, want := range map[string]string{
				`{"name":"ada","groups":["audio","pupils"]}`:              "there is no group pupils",
				`{"name":"ada","group":"pupils"}`:                         "there is no group pupils",
				`{"name":"ada","uid":1}`:                                  "number 1 is that of daemon",
				`{"name":"ada","groups":["audio"],"home":"/etc/passwd"}`:  "is no directory",
				`{"name":"daemon","shell":"/bin/sh","groups":["pupils"]}`: "there is no group pupils",
				`{"name":"ada","home":"/x/y/ada","groups":["pupils"]}`:    "there is no group pupils",
			} {
				before := m.Snapshot(t)
				if got := take(t, m, step.Apply, user(config), spec.StepFailed); !strings.Contains(got.Output, want) {
					t.Errorf("%s: want a failure with %q, got %+v", config, want, got)
				}
				m.Unchanged(t, before, config)
			}
			take(t, m, step.Apply, user(`{"name":"ada"}`), spec.StepChanged)
			before := m.Snapshot(t)
			take(t, m, step.Apply, user(`{"name":"ada","shell":"/bin/false","groups":["audio","pupils"]}`), spec.StepFailed)
			m.Unchanged(t, before, "an update that failed")
		})
	}
}

func TestHomeWithFilesIsKept(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, steptest.Accounts())
			s := user(`{"name":"ada"}`)
			take(t, m, step.Apply, s, spec.StepChanged)
			work := spec.Step{ID: "work", Type: "file", Config: []byte(`{"path":"/home/ada/thesis","content":"1"}`)}
			take(t, m, step.Apply, work, spec.StepChanged)
			if got := take(t, m, step.Undo, s, spec.StepUndone); got.Diff != "kept /home/ada: something is in it" {
				t.Errorf("%+v", got)
			}
			if m.Read(t, "home/ada/thesis") != "1" || m.Read(t, "home/ada/.profile") == "" || strings.Contains(m.Read(t, "etc/passwd"), "ada") {
				t.Error("her files are gone, or her account is not")
			}
		})
	}
}

// A lock whose process is gone holds nobody up.
func TestAccountsWereLocked(t *testing.T) {
	m := roots(t)[0]
	files := steptest.Accounts()
	files["etc/passwd.lock"], files["etc/group.lock"] = "999999999", "999999999"
	m.Reset(t, files)
	take(t, m, step.Apply, user(`{"name":"ada"}`), spec.StepChanged)
	for _, name := range []string{"etc/passwd.lock", "etc/group.lock"} {
		if _, there := m.Snapshot(t)[name]; there {
			t.Errorf("%s is left", name)
		}
	}
}

func TestGroupOfSomebodyIsKept(t *testing.T) {
	m := roots(t)[0]
	m.Reset(t, steptest.Accounts())
	group := spec.Step{ID: "g", Type: "group", Config: []byte(`{"name":"pupils","gid":5000}`)}
	take(t, m, step.Apply, group, spec.StepChanged)
	take(t, m, step.Apply, user(`{"name":"ada","group":"pupils"}`), spec.StepChanged)
	if got := take(t, m, step.Undo, group, spec.StepUndone); got.Diff != "kept: it is the group of ada" {
		t.Errorf("%+v", got)
	}
	taken := spec.Step{ID: "h", Type: "group", Config: []byte(`{"name":"teachers","gid":29}`)}
	if got := take(t, m, step.Apply, taken, spec.StepFailed); !strings.Contains(got.Output, "number 29 is that of audio") {
		t.Errorf("%+v", got)
	}
}

// spy stands before a program, and notes its arguments.
const spy = `#!/bin/sh
echo "$0 $*" >>/tmp/arguments
PATH=${PATH#/opt/bin:}
exec "${0##*/}" "$@"
`

// A hash of a password is neither an argument of a program, nor in what a step answers, nor where others can read it.
func TestHashIsSeenByNobody(t *testing.T) {
	m := roots(t)[0]
	files := steptest.Accounts()
	for _, name := range []string{"cat", "chown", "cmp", "cp", "find", "ln", "mkdir", "mv", "rm", "sync", "tail", "tr"} {
		files["opt/bin/"+name] = spy
	}
	m.Reset(t, files)
	const other = "$6$other$" + "abcdefgh"
	for _, config := range []string{
		`{"name":"ada","password_hash":"` + steptest.Hash + `"}`,
		`{"name":"ada","password_hash":"` + other + `"}`,
		`{"name":"ada","password_hash":"` + other + `","groups":["nothing"]}`,
	} {
		for _, mode := range []string{step.Check, step.Apply} {
			answer := m.Run(t, mode, user(config))[0]
			if text := answer.Diff + answer.Output; strings.Contains(text, other) || strings.Contains(text, steptest.Hash) {
				t.Errorf("%s: %+v", mode, answer)
			}
		}
	}
	m.Run(t, step.Undo, user(`{"name":"ada"}`))
	arguments := m.Read(t, "tmp/arguments")
	if !strings.Contains(arguments, "mv -f") || strings.Contains(arguments, "$6$") {
		t.Errorf("the arguments of programs:\n%s", arguments)
	}
	for name, what := range m.Snapshot(t) {
		if strings.Contains(what, "$6$") && !strings.HasPrefix(what, "-rw-r-----") {
			t.Errorf("%s: %s", name, what)
		}
	}
}
