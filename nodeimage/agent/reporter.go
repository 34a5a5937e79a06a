package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/join"
	"viver/nodeimage/spec"
)

const (
	// heartbeat is the longest time between two reports.
	heartbeat = 15 * time.Second
	// reportTime bounds one report, joinTime asking to join again.
	reportTime = 10 * time.Second
	joinTime   = 30 * time.Second
	// maxOutput and maxSteps bound what one report says of a step and of all, in bytes: a fact may be long, and steps many. The servers
	// take maxReport.
	maxOutput = 4 << 10
	maxSteps  = 64 << 10
	// firstRetry is the pause after a report that failed; it doubles up to heartbeat.
	firstRetry = time.Second
)

// reporter tells the servers how this machine is. What cannot be told now is told later. It is safe for concurrent use.
type reporter struct {
	client    *join.Client
	request   spec.JoinRequest
	bytesRead func() int64
	progress  *progress
	joined    func(*spec.JoinResponse)   // takes the passport out of an answer
	answered  func(*spec.ReportResponse) // gets what a server says when it takes a report; nil: nothing
	log       *slog.Logger
	wake      chan struct{}
	again     chan struct{} // gets something when the machine has joined again

	sending sync.Mutex // held while a report is on its way

	mu      sync.Mutex // guards the rest
	address string
	disk    string      // what the root disk waits for
	news    spec.Report // Boot and Steps that no server has yet, and what the machine waits for and warns of
}

func newReporter(c NodeConfig, log *slog.Logger, p *progress, joined func(*spec.JoinResponse), answered func(*spec.ReportResponse)) *reporter {
	return &reporter{
		client: c.Client, request: c.Request, bytesRead: c.BytesRead, progress: p, joined: joined, answered: answered, log: log,
		wake: make(chan struct{}, 1), again: make(chan struct{}, 1), address: c.Request.Address,
	}
}

// reached notes a stage of the boot.
func (r *reporter) reached(s spec.Stage) { r.reachedAt(s, time.Now()) }

func (r *reporter) reachedAt(s spec.Stage, at time.Time) {
	t, err := r.progress.reached(s, at)
	if err != nil {
		r.log.Error("an agent after this one will not know how far the boot is", "error", err)
	}
	r.note(func(news *spec.Report) { news.Boot = append(news.Boot, t) })
}

// state notes what the root disk's process says.
func (r *reporter) state(s handover.State) {
	r.mu.Lock()
	r.address, r.disk = s.Lease.Address.Addr().String(), s.Waiting
	r.mu.Unlock()
	if s.Root.IsZero() {
		r.note(func(*spec.Report) {})
		return
	}
	r.reachedAt(spec.StageRoot, s.Root)
}

// ran notes what became of steps. Of one that found out a secret, that is all.
func (r *reporter) ran(run spec.StepRun, results []spec.StepResult) {
	results = slices.Clone(results)
	for i := range results {
		if results[i].Secret {
			results[i].Output = ""
		}
	}
	if err := r.progress.ran(run, results); err != nil {
		r.log.Error("an agent after this one will not know the steps", "error", err)
	}
	r.results(results)
}

// results notes results of steps to be reported.
func (r *reporter) results(results []spec.StepResult) {
	r.note(func(news *spec.Report) { news.Steps = append(news.Steps, results...) })
}

// waiting notes what the machine is held up by.
func (r *reporter) waiting(reason string) {
	r.note(func(news *spec.Report) { news.Waiting = reason })
}

// warn notes what a person should see to; "": nothing any more.
func (r *reporter) warn(warning string) {
	r.note(func(news *spec.Report) {
		news.Warnings = nil
		if warning != "" {
			news.Warnings = []string{warning}
		}
	})
}

func (r *reporter) note(change func(*spec.Report)) {
	r.mu.Lock()
	change(&r.news)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run reports whenever there is something new, and now and then, until ctx ends.
func (r *reporter) run(ctx context.Context) {
	pause := firstRetry
	for {
		err := r.flush(ctx)
		wait, wake := heartbeat, r.wake
		if err != nil && ctx.Err() == nil {
			level := slog.LevelWarn
			if pause > firstRetry { // that was said
				level = slog.LevelDebug
			}
			r.log.Log(ctx, level, "a report did not reach any server", "error", err)
			wait, wake = pause, nil // news must not shorten the pause
			if errors.Is(err, join.ErrRefused) && r.joinAgain(ctx) && pause == firstRetry {
				wait = 0
			}
			pause = min(2*pause, heartbeat)
		} else {
			pause = firstRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-time.After(wait):
		}
	}
}

// flush sends all news now, in as many reports as that takes.
func (r *reporter) flush(ctx context.Context) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	for {
		more, err := r.send(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// send sends one report, and tells whether there is more to say; r.sending is held.
func (r *reporter) send(ctx context.Context) (more bool, err error) {
	r.mu.Lock()
	report := r.news
	report.MAC, report.Token, report.Address = r.request.MAC, r.progress.joined().Token, r.address
	report.Waiting = cmp.Or(r.disk, report.Waiting) // without a root, nothing else matters
	r.mu.Unlock()
	report.Steps, report.BytesRead = fitting(report.Steps), r.bytesRead()
	answer, err := r.client.Report(ctx, report)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return true, err
	}
	r.answered(answer)
	r.news.Boot, r.news.Steps = r.news.Boot[len(report.Boot):], r.news.Steps[len(report.Steps):]
	return len(r.news.Steps) > 0, nil
}

// fitting returns as many of the results, from the first on, as have room in a report, with their outputs cut.
func fitting(results []spec.StepResult) []spec.StepResult {
	var some []spec.StepResult
	room := maxSteps
	for _, s := range results {
		s.Output = strings.ToValidUTF8(s.Output[:min(len(s.Output), maxOutput)], "")
		data, _ := json.Marshal(s) // strings and numbers always have a JSON form
		if len(some) > 0 && len(data) > room {
			break
		}
		some, room = append(some, s), room-len(data)
	}
	return some
}

// joinAgain asks for admission with all that this boot has reached: the server was set up anew, or took the machine for one that
// started again. It returns false if no server lets the machine in.
func (r *reporter) joinAgain(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	response, err := r.client.Join(ctx, r.present, func(string) {})
	if err != nil {
		r.log.Warn("this machine cannot join again", "error", err)
		return false
	}
	r.joined(response)
	if err := r.progress.answered(*response); err != nil {
		r.log.Error("an agent after this one will have to join again", "error", err)
	}
	r.results(r.progress.stepResults())
	select {
	case r.again <- struct{}{}:
	default:
	}
	return true
}

// present says what the machine is now.
func (r *reporter) present() spec.JoinRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	request := r.request
	request.Boot, request.Address = r.progress.stages(), r.address
	return request
}
