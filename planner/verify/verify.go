package verify

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"

	"viver/planner/lang"
	"viver/planner/resource"
	"viver/planner/simulate"
)

// Status is how a run ended.
type Status string

// The ends of a run.
const (
	Passed  Status = "pass"
	Failed  Status = "fail"  // an assert was false, or what should have failed did not
	Errored Status = "error" // it could not be brought about
	Skipped Status = "skip"  // a run before it had an error, or it was not asked for
)

// Result is how one run ended; the last one of a file, without a name, is that of taking everything away again.
type Result struct {
	File, Run string
	Status    Status
	Took      time.Duration
	Problems  hcl.Diagnostics
	// Sources are for snippets in messages.
	Sources map[string]*hcl.File
}

// World is where the runs of a file happen.
type World struct {
	Types map[string]resource.Type
	// Happen lets events happen between runs.
	Happen func(simulate.Events) error
	// Left lists what is there, by address; at the end of a test that must be nothing.
	Left func() []string
	// Close ends the world.
	Close func() error
}

// Options say how to run tests.
type Options struct {
	// Load says what configurations may consist of.
	Load lang.LoadOptions
	// Inputs are values of variables, before which those of the files and of their runs count.
	Inputs []lang.Input
	// Open makes the world for a file.
	Open func(ctx context.Context, f *File) (*World, error)
	// Filter: only files whose name, and runs whose name, has this text in it; runs before such a one are run, too. Empty: all.
	Filter string
	// Parallel is how many files are worked on at once; 0: one.
	Parallel int
	// Report is told of each run, file by file in their order; nil: nobody is. It is called by one goroutine at a time.
	Report func(Result)
}

// Simulated opens worlds in memory that behave after these types.
func Simulated(types map[string]resource.Type) func(context.Context, *File) (*World, error) {
	return func(_ context.Context, f *File) (*World, error) {
		for _, m := range f.Mocks {
			if err := m.Check(types); err != nil {
				return nil, err
			}
		}
		w := &simulate.World{Mocks: f.Mocks}
		return &World{Types: w.Types(types), Happen: w.Happen, Left: w.Left, Close: func() error { return nil }}, nil
	}
}

// Tally counts the runs by their ends; taking everything away counts only when it did not pass.
type Tally map[Status]int

// OK reports whether all that ran passed.
func (t Tally) OK() bool { return t[Failed] == 0 && t[Errored] == 0 }

// RunAll runs the tests of files. The files are independent of each other; the runs of a file go one after the other.
func RunAll(ctx context.Context, files []*File, o Options) Tally {
	ends := make([]chan []Result, len(files))
	for i := range ends {
		ends[i] = make(chan []Result, 1)
	}
	tally := Tally{}
	var reporting errgroup.Group
	reporting.Go(func() error {
		for _, end := range ends {
			for _, r := range <-end {
				if r.Run != "" || r.Status != Passed {
					tally[r.Status]++
				}
				if o.Report != nil {
					o.Report(r)
				}
			}
		}
		return nil
	})
	var all errgroup.Group
	all.SetLimit(max(o.Parallel, 1))
	for i, f := range files {
		all.Go(func() error {
			ends[i] <- runFile(ctx, f, o)
			return nil
		})
	}
	_ = all.Wait() // the functions return no errors
	_ = reporting.Wait()
	return tally
}

func runFile(ctx context.Context, f *File, o Options) []Result {
	last := f.wanted(o.Filter)
	if last < 0 {
		return nil
	}
	r := &runner{file: f, Options: o, store: newMemory(), outputs: map[string]cty.Value{}}
	start := time.Now()
	if problems := r.open(ctx); problems.HasErrors() {
		return []Result{r.result("", Errored, start, problems)}
	}
	var results []Result
	skip := false
	for n, run := range f.Runs {
		start := time.Now()
		if skip || n > last {
			results = append(results, r.result(run.Name, Skipped, start, nil))
			continue
		}
		status, problems := r.run(ctx, run)
		results = append(results, r.result(run.Name, status, start, problems))
		skip = status == Errored
	}
	return append(results, r.end(ctx))
}

// wanted is the number of the last run that a filter asks for, or -1.
func (f *File) wanted(filter string) int {
	last := len(f.Runs) - 1
	if filter == "" || strings.Contains(f.Path, filter) {
		return last
	}
	for ; last >= 0 && !strings.Contains(f.Runs[last].Name, filter); last-- {
	}
	return last
}

func (r *runner) result(run string, s Status, start time.Time, problems hcl.Diagnostics) Result {
	sources := r.file.Files()
	if r.config != nil {
		maps.Copy(sources, r.config.Files())
	}
	return Result{File: r.file.Path, Run: run, Status: s, Took: time.Since(start), Problems: slices.Clip(problems), Sources: sources}
}
