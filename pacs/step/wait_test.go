package step_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/pacs/step"
)

func wait(config string, timeout time.Duration) spec.Step {
	return spec.Step{ID: "step.wait_for.it", Type: "wait_for", Config: []byte(config), Timeout: timeout}
}

func TestWaitForAServer(t *testing.T) {
	for _, m := range roots(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, nil)
			answers := wait(fmt.Sprintf(`{"tcp":"127.0.0.1:%d"}`, m.Listen(t)), 0)
			take(t, m, step.Check, answers, spec.StepSame)
			take(t, m, step.Apply, answers, spec.StepSame)
			nobody := wait(`{"tcp":"127.0.0.1:9"}`, 0)
			if got := take(t, m, step.Check, nobody, spec.StepDiffers); got.Diff != "nothing answers at 127.0.0.1 port 9" {
				t.Errorf("%+v", got)
			}
			nobody.Timeout = 4 * time.Second
			got := take(t, m, step.Apply, nobody, spec.StepFailed)
			if !strings.Contains(got.Output, "refused") || !strings.HasSuffix(got.Output, " s: nothing answers at 127.0.0.1 port 9") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// It is so at the third look.
func TestWaitForACommand(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.Name, func(t *testing.T) {
			m.Reset(t, nil)
			s := wait(string(m.In(`{"command":"echo >>@/looks; [ $(wc -l <@/looks) -ge 3 ]"}`)), time.Minute)
			take(t, m, step.Apply, s, spec.StepSame)
			if got := m.Read(t, "looks"); got != "\n\n\n" {
				t.Errorf("it looked %d times", len(got))
			}
		})
	}
}

func TestNothingRunsInAnImage(t *testing.T) {
	m := machines(t)[0]
	m.Reset(t, nil)
	if out, err := m.Script(t, []spec.Step{wait(`{"path":"/x"}`, 0)}); err == nil || !strings.Contains(out, "let the step act on the machines") {
		t.Errorf("%v\n%s", err, out)
	}
}
