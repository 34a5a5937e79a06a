package step

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"viver/nodeimage/spec"
)

// The modes of a run.
const (
	Check = spec.ModeCheck
	Apply = spec.ModeApply
	Undo  = spec.ModeUndo
)

// DefaultTimeout is the time that a step without a Timeout of its own may take.
const DefaultTimeout = 10 * time.Minute

func timeoutOf(s spec.Step) time.Duration { return cmp.Or(s.Timeout, DefaultTimeout) }

// StateDir is where steps remember what was there before them, on the machine.
const StateDir = "/var/lib/viver/steps"

// grace is how long a step that was told to end may take for it.
const grace = 5 * time.Second

// A Runner takes steps on one machine. It may be used by several goroutines; each Run is a shell of its own.
type Runner struct {
	// Command makes the shell: `sh -s`, with whatever brings it into the machine's root. Run sets its standard input and
	// output and makes it a process group of its own. ctx is not cancelled before the shell has ended.
	Command func(ctx context.Context) *exec.Cmd
	// StateDir is a folder in that root; empty: the constant StateDir.
	StateDir string
}

// Run works through steps in the given order and calls emit once for each, in that order and from one goroutine, as soon as
// its end is known. Apply and Undo stop at the first step that fails; the others are skipped. The error says that the run itself
// failed, or that ctx ended; a step that failed is no error.
func (r *Runner) Run(ctx context.Context, mode string, steps []spec.Step, emit func(spec.StepResult)) error {
	if mode != Check && mode != Apply && mode != Undo {
		return fmt.Errorf("step: there is no mode %q: want check, apply or undo", mode)
	}
	if len(steps) == 0 {
		return nil
	}
	jobs := make([]job, len(steps))
	for i, s := range steps {
		config, err := Decode(s)
		if err != nil {
			refuse(steps, i, err, emit)
			return nil
		}
		jobs[i] = job{s, config}
	}
	return r.run(ctx, mode, jobs, emit)
}

// refuse answers for steps of which number bad is wrong: nothing is done at all.
func refuse(steps []spec.Step, bad int, err error, emit func(spec.StepResult)) {
	for i, s := range steps {
		result := spec.StepResult{ID: s.ID, Status: spec.StepSkipped}
		if i == bad {
			result = spec.StepResult{ID: s.ID, Status: spec.StepFailed, Output: err.Error()}
		}
		emit(result)
	}
}

func (r *Runner) run(ctx context.Context, mode string, jobs []job, emit func(spec.StepResult)) error {
	stateDir := r.StateDir
	if stateDir == "" {
		stateDir = StateDir
	}
	lines := &lineWriter{lines: make(chan []byte)}
	var trouble tail
	cmd := r.Command(context.WithoutCancel(ctx))
	cmd.Stdin = strings.NewReader(render(settings{mode: mode, stateDir: stateDir}, jobs))
	cmd.Stdout, cmd.Stderr = lines, &trouble
	cmd.WaitDelay = grace
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("step: start a shell for the steps: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		close(lines.lines)
		ended <- err
	}()
	c := &conversation{jobs: jobs, emit: emit, kill: func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }}
	c.follow(ctx, lines.lines)
	return c.finish(ctx, mode, <-ended, trouble.String())
}

// lineWriter sends each line written to it, and drops what follows one that is too long.
type lineWriter struct {
	lines chan []byte
	part  []byte
}

const maxLine = 256 << 10

var errLongLine = errors.New("step: the shell answered with a line that is too long")

func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(w.part)+len(line) > maxLine {
			return 0, errLongLine
		}
		w.part = append(w.part, line...)
		if whole {
			w.lines <- w.part
			w.part = nil
		}
		rest = after
	}
	return len(p), nil
}

// tail keeps the last 4 KiB written to it.
type tail struct{ data []byte }

var _ io.Writer = (*tail)(nil)

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if extra := len(t.data) - 4096; extra > 0 {
		t.data = append([]byte(nil), t.data[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(strings.ToValidUTF8(string(t.data), "?")) }
