package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"viver/nodeimage/spec"
)

// conversation is what the Runner knows of a running shell. One goroutine owns it.
type conversation struct {
	jobs []job
	emit func(spec.StepResult)
	kill func(syscall.Signal)

	next    int       // the first job without an answer
	began   time.Time // when that one did
	ending  string    // why the shell was told to end
	problem error     // an answer that makes no sense
	failed  bool
}

// answer is one line of the shell; the texts are base64, so that it needs to escape nothing.
type answer struct {
	Number int             `json:"n"`
	Status spec.StepStatus `json:"status"`
	Diff   []byte          `json:"diff"`
	Output []byte          `json:"output"`
}

// follow reads answers until the shell's output ends, and ends the shell when a step takes too long or ctx ends.
func (c *conversation) follow(ctx context.Context, lines <-chan []byte) {
	c.began = time.Now()
	timer := time.NewTimer(c.timeout())
	defer timer.Stop()
	done, signal := ctx.Done(), syscall.SIGTERM
	end := func(why string) {
		if c.ending == "" {
			c.ending = why
		}
		c.kill(signal)
		signal, done = syscall.SIGKILL, nil
		timer.Reset(grace)
	}
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			c.take(line)
			if c.problem != nil {
				end(c.problem.Error())
			} else if signal == syscall.SIGTERM {
				timer.Reset(c.timeout())
			}
		case <-timer.C:
			end(fmt.Sprintf("it took longer than its timeout of %s", c.timeout()))
		case <-done:
			end("it was interrupted")
		}
	}
}

func (c *conversation) timeout() time.Duration {
	if c.next < len(c.jobs) {
		return timeoutOf(c.jobs[c.next].Step)
	}
	return DefaultTimeout
}

// take turns one line into a result.
func (c *conversation) take(line []byte) {
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		c.problem = fmt.Errorf("step: the shell answered %.60q, which is no answer: %w", line, err)
		return
	}
	if a.Number != c.next || c.next == len(c.jobs) {
		c.problem = fmt.Errorf("step: the shell answered for step %d, expected %d", a.Number, c.next)
		return
	}
	if c.ending != "" {
		return // the step's answer is that it was ended
	}
	result := spec.StepResult{Status: a.Status, Diff: text(a.Diff)}
	_, result.Secret = c.jobs[c.next].config.(*Secret)
	script, isFact := valued(c.jobs[c.next].config)
	switch {
	case a.Status == spec.StepFailed:
		result.Output = text(a.Output)
	case isFact && len(a.Output) > MaxFact:
		result.Status, result.Output = spec.StepFailed, fmt.Sprintf("%.40q printed more than %d KiB", script, MaxFact>>10)
	case isFact:
		result.Output = text(a.Output)
	}
	c.answer(result)
}

// answer emits the result of the next job.
func (c *conversation) answer(result spec.StepResult) {
	result.ID = c.jobs[c.next].ID
	result.Elapsed = time.Since(c.began)
	c.failed = c.failed || result.Status == spec.StepFailed
	c.next, c.began = c.next+1, time.Now()
	c.emit(result)
}

// finish answers for the steps that the shell did not answer for.
func (c *conversation) finish(ctx context.Context, mode string, ended error, trouble string) error {
	if c.next < len(c.jobs) && (!c.failed || mode == Check) {
		why := c.ending
		if why == "" {
			why = fmt.Sprintf("the shell ended in the middle of it (%v)", ended)
		}
		if trouble != "" {
			why += ": " + trouble
		}
		c.answer(spec.StepResult{Status: spec.StepFailed, Output: why})
	}
	for c.next < len(c.jobs) {
		c.answer(spec.StepResult{Status: spec.StepSkipped})
	}
	if ctx.Err() != nil {
		return fmt.Errorf("step: the run was interrupted: %w", context.Cause(ctx))
	}
	if c.problem != nil {
		return c.problem
	}
	var exit interface{ ExitCode() int }
	if ended != nil && !errors.As(ended, &exit) && !c.failed {
		return fmt.Errorf("step: the shell: %w", ended)
	}
	return nil
}

// text is what a command printed, without the line break at its end.
func text(data []byte) string {
	return strings.TrimRight(strings.ToValidUTF8(string(data), "?"), "\n")
}
