// Package overlay tells how full the layer is that takes what is written to a node's root. It lies in RAM and is bounded: before programs are
// told that there is no room, people are.
//
// It owns when that is worth a warning, and its words. Who is told is for its user.
package overlay

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Warnings begin at the part full, and end below the part clear: a log that is written to and turned over would else begin and end them all
// the time. In between a warning is renewed at each step.
const (
	full, clear, step = 85, 80, 5 // percent
	defaultEvery      = 5 * time.Second
)

// Usage is how much of a file system is taken. A Size or MaxFiles of 0 means that there is no bound.
type Usage struct {
	Used, Size      int64 // bytes
	Files, MaxFiles int64 // files and folders
}

// Watch looks after one layer. Dir must be set.
type Watch struct {
	// Dir is the layer's folder, on a file system of its own. Until it is there, nothing is said.
	Dir string
	// Statfs returns how full the file system of a folder is; nil: the kernel says so.
	Statfs func(dir string) (Usage, error)
	// Every is how often it is looked; 5 s.
	Every time.Duration

	level int // at which the warning was given that counts; 0: there is none
}

// Run calls changed with each warning, and with "" when there is none any more, until ctx ends.
func (w *Watch) Run(ctx context.Context, changed func(warning string)) {
	if w.Statfs == nil {
		w.Statfs = statfs
	}
	tick := time.NewTicker(cmp.Or(w.Every, defaultEvery))
	defer tick.Stop()
	for {
		if u, err := w.Statfs(w.Dir); err == nil {
			w.judge(u, changed)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// judge says what is new about a usage.
func (w *Watch) judge(u Usage, changed func(string)) {
	p := max(percent(u.Used, u.Size), percent(u.Files, u.MaxFiles))
	switch level := p / step * step; {
	case p >= full && level != w.level:
		w.level = level
		changed(w.warning(u))
	case p < clear && w.level != 0:
		w.level = 0
		changed("")
	}
}

// percent is rounded down, and 100 only where there is nothing left.
func percent(used, size int64) int {
	if size <= 0 {
		return 0
	}
	return int(float64(used) / float64(size) * 100)
}

// warning says what is short, how short it is, and where it went.
func (w *Watch) warning(u Usage) string {
	text := fmt.Sprintf("changes to the root fill %d %% of the %d MB of RAM for them", percent(u.Used, u.Size), (u.Size+500_000)/1_000_000)
	if percent(u.Files, u.MaxFiles) > percent(u.Used, u.Size) {
		text = fmt.Sprintf("changes to the root are %d %% of the %d files that there is room for", percent(u.Files, u.MaxFiles), u.MaxFiles)
	}
	if most := describe(largest(w.Dir, u.Used/10)); most != "" {
		text += ", most in " + most
	}
	return text + ": remove what is not needed"
}

func statfs(dir string) (Usage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Usage{}, fmt.Errorf("overlay: %s: %w", dir, err)
	}
	return Usage{
		Used: int64(s.Blocks-s.Bfree) * s.Bsize, Size: int64(s.Blocks) * s.Bsize,
		Files: int64(s.Files - s.Ffree), MaxFiles: int64(s.Files),
	}, nil
}
