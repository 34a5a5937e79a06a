package step_test

import (
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

func mount(config string) spec.Step {
	return spec.Step{ID: "step.mount.it", Type: "mount", Config: []byte(config), Timeout: 20 * time.Second}
}

const tmpfs = `{"path":"/srv/x","source":"one","type":"tmpfs"}`

func TestMountThatChanges(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, nil)
			before := m.Snapshot(t)
			take(t, m, step.Apply, mount(tmpfs), spec.StepChanged)
			kept := spec.Step{ID: "f", Type: "file", Config: []byte(`{"path":"/srv/x/kept","content":"1"}`)}
			take(t, m, step.Apply, kept, spec.StepChanged)
			readOnly := mount(strings.Replace(tmpfs, `}`, `,"options":["ro"]}`, 1))
			if got := take(t, m, step.Check, readOnly, spec.StepDiffers); got.Diff != "option ro is not in force, options  -> ro" {
				t.Errorf("%+v", got)
			}
			take(t, m, step.Apply, readOnly, spec.StepChanged)
			take(t, m, step.Check, kept, spec.StepSame)
			other := mount(strings.Replace(tmpfs, "one", "two", 1))
			take(t, m, step.Apply, other, spec.StepChanged)
			if got := m.Read(t, "mount:/srv/x"); !strings.HasPrefix(got, "two tmpfs rw") {
				t.Errorf("mounted is %q", got)
			}
			take(t, m, step.Apply, mount(`{"path":"/srv/x","source":"/dev/none","type":"ext4"}`), spec.StepFailed)
			if got := m.Read(t, "mount:/srv/x"); !strings.HasPrefix(got, "two tmpfs rw") {
				t.Errorf("after a failure %q is mounted", got)
			}
			take(t, m, step.Undo, other, spec.StepUndone)
			m.Unchanged(t, before, "undo after updates")
		})
	}
}

// Somebody else's mount is taken for what it is, and never unmounted.
func TestMountOfOthers(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, map[string]string{"srv/x/y": ""})
			take(t, m, step.Apply, command("a", "mount -t tmpfs one /srv/x", 0), spec.StepChanged)
			before := m.Snapshot(t)
			take(t, m, step.Apply, mount(tmpfs), spec.StepSame)
			other := take(t, m, step.Apply, mount(strings.Replace(tmpfs, "one", "two", 1)), spec.StepFailed)
			if !strings.Contains(other.Output, "/srv/x has one on it already") {
				t.Errorf("%+v", other)
			}
			take(t, m, step.Undo, mount(tmpfs), spec.StepUndone)
			m.Unchanged(t, before, "a step about what others have mounted")
			take(t, m, step.Apply, command("b", "umount /srv/x", 0), spec.StepChanged)
		})
	}
}

// late is a mount whose server is there at the third attempt.
const late = `#!/bin/sh
echo "$*" >>/tmp/tries
if [ "$(wc -l </tmp/tries)" -lt 3 ]; then echo "mount.nfs: Connection refused" >&2; exit 32; fi
exec /usr/bin/mount -t tmpfs seed:/home /home
`

// refused is one that will never be.
const refused = `#!/bin/sh
echo "$*" >>/tmp/tries
echo "mount: unknown filesystem type 'nfs'" >&2
exit 32
`

func TestMountWaitsForItsServer(t *testing.T) {
	m := roots(t)[0]
	remote := mount(`{"path":"/home","source":"seed:/home"}`)
	m.Reset(t, map[string]string{"opt/bin/mount": late, "home/x": "", "tmp/tries": ""})
	take(t, m, step.Apply, remote, spec.StepChanged)
	if got := m.Read(t, "tmp/tries"); got != strings.Repeat("-t auto seed:/home /home\n", 3) {
		t.Errorf("its attempts:\n%s", got)
	}
	take(t, m, step.Undo, remote, spec.StepUndone)

	m.Reset(t, map[string]string{"opt/bin/mount": refused, "home/x": "", "tmp/tries": ""})
	remote.Config = []byte(`{"path":"/home","source":"seed:/home","type":"nfs","options":["soft"]}`)
	if got := take(t, m, step.Apply, remote, spec.StepFailed); !strings.Contains(got.Output, "unknown filesystem type 'nfs'\ncannot mount seed:/home at /home, after ") {
		t.Errorf("%+v", got)
	}
	if got := m.Read(t, "tmp/tries"); got != "-t nfs -o retry=0,soft seed:/home /home\n" {
		t.Errorf("its attempts:\n%s", got)
	}
}

// A program that sits in a mount holds up nothing.
func TestMountInUse(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, nil)
			before := m.Snapshot(t)
			s := mount(tmpfs)
			s.Timeout = 6 * time.Second
			take(t, m, step.Apply, s, spec.StepChanged)
			sitter := m.Command(t.Context(), "/bin/sh", "-c", "cd /srv/x && echo here && read x")
			in, _ := sitter.StdinPipe()
			out, _ := sitter.StdoutPipe()
			if err := sitter.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			if got := take(t, m, step.Undo, s, spec.StepUndone); !strings.Contains(got.Diff, "unmounted lazily") {
				t.Errorf("%+v", got)
			}
			m.Unchanged(t, before, "undo of what is in use")
			in.Close()
			_ = sitter.Wait() // read found the end of its input
		})
	}
}

// In an image there are no mounts, but lines of fstab.
func TestMountInAnImage(t *testing.T) {
	for _, m := range roots(t) {
		m.Reset(t, map[string]string{"etc/fstab": "# none"})
		if out, err := m.Script(t, []spec.Step{mount(tmpfs)}); err == nil || !strings.Contains(out, "set persistent = true") {
			t.Errorf("%s: %v\n%s", m.Name, err, out)
		}
		lasting := mount(`{"path":"/a b","source":"seed:/home","type":"nfs","options":["nofail","vers=4.2"],"persistent":true}`)
		if out, err := m.Script(t, []spec.Step{lasting}); err != nil {
			t.Errorf("%s: %v\n%s", m.Name, err, out)
		}
		if got := m.Read(t, "etc/fstab"); got != "# none\nseed:/home /a\\040b nfs nofail,vers=4.2 0 0\n" {
			t.Errorf("%s: fstab is %q", m.Name, got)
		}
		if out, err := m.Script(t, []spec.Step{mount(`{"path":"/a b","source":"x","persistent":true}`)}); err == nil || !strings.Contains(out, "has a line for /a b already") {
			t.Errorf("%s: %v\n%s", m.Name, err, out)
		}
		if _, there := m.Snapshot(t)["a b"]; !there {
			t.Errorf("%s: the folder was not made", m.Name)
		}
	}
}

func TestUndoOfAPersistentMount(t *testing.T) {
	m := roots(t)[0]
	m.Reset(t, nil)
	before := m.Snapshot(t)
	s := mount(`{"path":"/srv/x","source":"one","type":"tmpfs","persistent":true}`)
	take(t, m, step.Apply, s, spec.StepChanged)
	for _, wish := range []struct {
		config string
		fstab  string
	}{{tmpfs, ""}, {`{"path":"/srv/x","source":"one","type":"tmpfs","persistent":true,"options":["noatime"]}`, "one /srv/x tmpfs noatime 0 0\n"}} {
		take(t, m, step.Apply, mount(wish.config), spec.StepChanged)
		take(t, m, step.Check, mount(wish.config), spec.StepSame)
		got := ""
		if _, there := m.Snapshot(t)["etc/fstab"]; there {
			got = m.Read(t, "etc/fstab")
		}
		if got != wish.fstab {
			t.Errorf("%s: fstab is %q", wish.config, got)
		}
	}
	take(t, m, step.Undo, s, spec.StepUndone)
	m.Unchanged(t, before, "undo")
}
