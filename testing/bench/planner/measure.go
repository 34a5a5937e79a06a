package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// program is what plans.
type program struct {
	name     string
	path     string
	files    func(kase) map[string]string
	prepare  []string // a first call that is not measured; nil: none
	args     []string
	patience time.Duration
}

// Plan is how one program planned one configuration: medians of all rounds.
type Plan struct {
	Case             string  `json:"case"`
	Instances        int     `json:"instances"`
	Program          string  `json:"program"`
	Rounds           int     `json:"rounds"`
	WallSeconds      float64 `json:"wall_seconds"`
	CPUSeconds       float64 `json:"cpu_seconds"` // user and system
	RSSMB            float64 `json:"rss_mb"`      // greatest resident set
	MicrosecondsEach float64 `json:"cpu_microseconds_per_instance"`
	Failure          string  `json:"failure,omitempty"`
}

// run is one call of a program.
type run struct{ wall, cpu, rss float64 }

// measureAll measures all programs with all cases, in turns within each case.
func measureAll(ctx context.Context, programs []program, cases []kase, rounds int) ([]Plan, error) {
	var all []Plan
	gaveUp := map[string]bool{} // program and name of a case
	for _, k := range cases {
		runs := map[string][]run{}
		failures := map[string]error{}
		for round := range rounds {
			for i, p := range programs {
				key := p.name + k.name
				switch {
				case i > 0 && !k.peers:
					continue
				case i > 0 && gaveUp[key]: // no larger ones after one that took too long
					if failures[p.name] == nil {
						failures[p.name] = errors.New("not tried: a smaller one took too long")
					}
					continue
				case i > 0 && round > 0 && runs[p.name][0].wall > 5: // long ones once
					continue
				}
				r, err := measure(ctx, p, k)
				if ctx.Err() != nil || err != nil && i == 0 {
					return nil, fmt.Errorf("%s, %s with %d: %w", p.name, k.name, k.instances, errors.Join(err, ctx.Err()))
				}
				if err != nil {
					failures[p.name], gaveUp[key] = err, true
					continue
				}
				runs[p.name] = append(runs[p.name], r)
			}
		}
		for _, p := range programs {
			switch {
			case failures[p.name] != nil:
				all = append(all, Plan{Case: k.name, Instances: k.instances, Program: p.name, Failure: failures[p.name].Error()})
			case len(runs[p.name]) > 0:
				all = append(all, summarize(p, k, runs[p.name]))
			}
		}
	}
	return all, nil
}

func summarize(p program, k kase, runs []run) Plan {
	median := func(of func(run) float64) float64 {
		var all []float64
		for _, r := range runs {
			all = append(all, of(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	out := Plan{
		Case: k.name, Instances: k.instances, Program: p.name, Rounds: len(runs),
		WallSeconds: median(func(r run) float64 { return r.wall }), CPUSeconds: median(func(r run) float64 { return r.cpu }),
		RSSMB: median(func(r run) float64 { return r.rss }),
	}
	out.MicrosecondsEach = out.CPUSeconds * 1e6 / float64(k.instances)
	return out
}

// measure plans once, in a new folder.
func measure(ctx context.Context, p program, k kase) (run, error) {
	dir, err := os.MkdirTemp("", "viver-bench-planner-")
	if err != nil {
		return run{}, err
	}
	defer os.RemoveAll(dir)
	for name, text := range p.files(k) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return run{}, err
		}
	}
	if p.prepare != nil {
		if _, err := call(ctx, p, dir, p.prepare, k); err != nil {
			return run{}, err
		}
	}
	return call(ctx, p, dir, p.args, k)
}

func call(ctx context.Context, p program, dir string, args []string, k kase) (run, error) {
	within, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	cmd := exec.CommandContext(within, p.path, args...)
	var output bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "CHECKPOINT_DISABLE=1")
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	switch {
	case within.Err() != nil && ctx.Err() == nil:
		return run{}, fmt.Errorf("not done after %s", p.patience)
	case err != nil:
		return run{}, fmt.Errorf("%w: %.300s", err, output.String())
	case slices.Equal(args, p.args) && !strings.Contains(output.String(), "Plan: "):
		return run{}, fmt.Errorf("it made no plan: %.300s", output.String())
	}
	used := cmd.ProcessState
	rss := float64(used.SysUsage().(*syscall.Rusage).Maxrss) / 1000 // KiB
	return run{wall.Seconds(), (used.UserTime() + used.SystemTime()).Seconds(), rss}, nil
}
