package step_test

import (
	"strings"
	"testing"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/pacs/step/steptest"
)

// A service whose script does not say whether it runs is started once.
func TestServiceThatCannotTell(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, map[string]string{"etc/init.d/mute": "#!/bin/sh\necho \"$1\" >>/srv/log\n", "srv/log": ""})
			s := spec.Step{ID: "a", Type: "service", Config: []byte(`{"name":"mute","running":true}`)}
			if got := take(t, m, step.Check, s, spec.StepMaybe); got.Diff != "/etc/init.d/mute does not tell whether it runs" {
				t.Errorf("%+v", got)
			}
			take(t, m, step.Apply, s, spec.StepChanged)
			take(t, m, step.Check, s, spec.StepSame)
			take(t, m, step.Apply, s, spec.StepSame)
			take(t, m, step.Undo, s, spec.StepUndone)
			if got := m.Read(t, "srv/log"); got != "start\nstop\n" {
				t.Errorf("it was told\n%s", got)
			}
		})
	}
}

// A module that is there, with a parameter which the kernel does not show, is loaded anew once.
func TestModuleThatCannotTell(t *testing.T) {
	m := roots(t)[0]
	m.Reset(t, map[string]string{
		"opt/bin/modprobe":        strings.Replace(steptest.Modprobe, "\n", "\necho \"$*\" >>/srv/log\n", 1) + "rm -f /sys/module/loop/parameters/hidden\n",
		"sys/module/loop/version": "", "srv/log": "",
		"etc/modules-load.d/viver-loop.conf": "loop\n", "etc/modprobe.d/viver-loop.conf": "options loop hidden=1\n",
	})
	s := spec.Step{ID: "a", Type: "kernel_module", Config: []byte(`{"name":"loop","options":["hidden=1"]}`)}
	if got := take(t, m, step.Check, s, spec.StepMaybe); got.Diff != "hidden cannot be read" {
		t.Errorf("%+v", got)
	}
	take(t, m, step.Apply, s, spec.StepChanged)
	take(t, m, step.Apply, s, spec.StepSame)
	if got := m.Read(t, "srv/log"); got != "-r loop\nloop hidden=1\n" {
		t.Errorf("modprobe was called with\n%s", got)
	}
}
