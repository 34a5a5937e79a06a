package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"viver/planner/apply"
	"viver/planner/plan"
	"viver/planner/resource"
)

// progress shows an apply under way: at a terminal as a block of lines, one for each row at work, that is drawn again and again below
// the rows that are done; else each piece of news as a line.
type progress struct {
	out     io.Writer
	live    bool
	width   int
	palette palette

	mu      sync.Mutex
	tracker tracker
	shown   map[*tracked]bool // rows said to be done
	drawn   int               // lines of the block on the screen
	quit    chan struct{}
	ended   sync.WaitGroup
}

// refresh is how often the block is drawn: its times go on even if nothing happens.
const refresh = 200 * time.Millisecond

func startProgress(o Options, colors palette, plan *plan.Plan) *progress {
	p := &progress{
		out: o.Out, live: o.Live, width: o.Width, palette: colors, tracker: newTracker(plan),
		shown: map[*tracked]bool{}, quit: make(chan struct{}),
	}
	if p.live {
		p.ended.Go(p.draw)
	}
	return p
}

func (p *progress) draw() {
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			p.redraw(nil)
			p.mu.Unlock()
		case <-p.quit:
			return
		}
	}
}

// close takes the block away and leaves a line for each row.
func (p *progress) close() {
	close(p.quit)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live {
		return
	}
	var rest []string
	for _, r := range p.tracker.rows {
		if !p.shown[r] {
			rest = append(rest, p.line(r, r.ending()))
			p.shown[r] = true
		}
	}
	p.tracker.failed = nil // Result tells of them
	p.redraw(rest)
}

func (p *progress) event(e apply.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Progress.Stage, e.Progress.Detail = printable(e.Progress.Stage), printable(e.Progress.Detail)
	row, m, newStage := p.tracker.event(e)
	if p.live {
		p.block(e, row)
	} else {
		p.log(e, row, m, newStage)
	}
}

// block draws at once only what stays: rows that are done, output of commands, and errors.
func (p *progress) block(e apply.Event, row *tracked) {
	if row.complete() && !p.shown[row] {
		p.shown[row] = true
		p.redraw([]string{p.line(row, row.ending())})
	}
	switch {
	case e.Kind == apply.Progressed && e.Progress.Output:
		p.redraw([]string{p.palette.paint(faint, label(e.Change)+" | "+e.Progress.Detail)})
	}
}

// log writes news as a line, unless they say nothing new.
func (p *progress) log(e apply.Event, row *tracked, m *member, newStage bool) {
	at := label(e.Change)
	switch e.Kind {
	case apply.Started:
		fmt.Fprintf(p.out, "%s: %s\n", at, participle(e.Action))
	case apply.Progressed:
		switch {
		case e.Progress.Output:
			fmt.Fprintf(p.out, "%s | %s\n", at, e.Progress.Detail)
		case e.Progress.Detail != "" || newStage:
			fmt.Fprintf(p.out, "%s: %s\n", at, join(": ", e.Progress.Stage, e.Progress.Detail))
		}
	case apply.Ended:
		if resource.Untried(e.Err) {
			fmt.Fprintf(p.out, "%s: not tried\n", at)
			return
		}
		if e.Err != nil {
			fmt.Fprintf(p.out, "%s: failed: %s\n", at, firstLine(e.Err))
			return
		}
		fmt.Fprintf(p.out, "%s: %s in %s%s\n", at, past(e.Action), since(m.started), row.share())
	}
}

// redraw replaces the block: first lines that stay, then a line for each row at work. mu is held.
func (p *progress) redraw(stay []string) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.drawn)
	}
	for _, line := range stay {
		b.WriteString(line + "\n")
	}
	p.drawn = 0
	for _, line := range p.lines() {
		b.WriteString(line + "\n")
		p.drawn++
	}
	io.WriteString(p.out, b.String()) // to a terminal: nobody to tell
}

// The greatest numbers of lines in the block: it must fit on a screen.
const (
	maxRows     = 12
	maxFailures = 3
)

// lines are those of the block: rows at work, with who is slow in them, and what failed so far, put together by error.
func (p *progress) lines() (all []string) {
	for _, r := range p.tracker.rows {
		if !r.running() || len(all) >= maxRows {
			continue
		}
		all = append(all, clip(p.line(r, r.line()), p.width))
		if more := r.more(); more != "" {
			all = append(all, clip("  "+more, p.width))
		}
	}
	for i, f := range p.tracker.failed {
		if i == maxFailures {
			all = append(all, clip(fmt.Sprintf("and %d more kinds of error", len(p.tracker.failed)-i), p.width))
			break
		}
		text, _, _ := strings.Cut(f.text, "\n")
		all = append(all, p.palette.paint(red, clip("failed: "+collapse(f.addresses)+": "+printable(text), p.width)))
	}
	return all
}

func (p *progress) line(r *tracked, text string) string {
	width := 0
	for _, other := range p.tracker.rows {
		width = max(width, utf8.RuneCountInString(other.name))
	}
	return r.name + strings.Repeat(" ", width-utf8.RuneCountInString(r.name)) + "   " + text
}

// clip cuts a line to the terminal's width: a longer one would wrap and break the counting of lines.
func clip(line string, width int) string {
	if r := []rune(line); len(r) >= width {
		return string(r[:width-1])
	}
	return line
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return printable(line)
}
