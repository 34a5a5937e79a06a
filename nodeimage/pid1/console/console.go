// Package console makes loggers for programs that have no terminal and no log file: plain short lines on the console of a
// machine, or in its kernel's log.
//
// It owns the form of a line ("viver: network eth0 10.20.0.101") and nothing else.
package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// maxLine bounds a line; the kernel's log takes no more than this.
const maxLine = 900

// Open returns a logger that writes to the console of the machine, or to standard error if there is none.
func Open() *slog.Logger {
	f, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
	if err != nil {
		f = os.Stderr
	}
	return New(f, "viver: ")
}

// Kernel returns a logger that writes to the kernel's log, where dmesg and the distribution's own log daemon find it. Errors are seen on the
// console too, also of a machine that boots quietly. Without /dev/kmsg it is silent.
func Kernel() *slog.Logger {
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return newKernel(f)
}

func newKernel(w io.Writer) *slog.Logger {
	return slog.New(&handler{out: &output{w: w}, prefix: func(l slog.Level) string { return fmt.Sprintf("<%d>viver: ", priority(l)) }})
}

// priority is that of RFC 5424, section 6.2.1: the facility is daemon. A kernel that was told to be quiet shows what is below warning, 4.
func priority(l slog.Level) int {
	const daemon, info, warning, err = 3, 6, 4, 3
	switch {
	case l >= slog.LevelError:
		return daemon*8 + err
	case l >= slog.LevelWarn:
		return daemon*8 + warning
	}
	return daemon*8 + info
}

// New returns a logger that writes each record as one line, in one write, behind a prefix. Debug records are left out. Write errors
// are ignored: there is nobody to tell.
func New(w io.Writer, prefix string) *slog.Logger {
	return slog.New(&handler{out: &output{w: w}, prefix: func(slog.Level) string { return prefix }})
}

type output struct {
	mu sync.Mutex
	w  io.Writer
}

// handler is a slog.Handler. Groups have no place in a line for people, so their names are left out.
type handler struct {
	out    *output
	prefix func(slog.Level) string
	suffix string // attributes of WithAttrs
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (h *handler) WithGroup(string) slog.Handler                    { return h }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	for _, a := range attrs {
		next.suffix += attribute(a)
	}
	return &next
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message + h.suffix
	r.Attrs(func(a slog.Attr) bool {
		line += attribute(a)
		return true
	})
	line = strings.Map(printable, line)
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, h.prefix(r.Level)+line[:min(len(line), maxLine)]+"\n")
	return err
}

func attribute(a slog.Attr) string {
	if a.Equal(slog.Attr{}) {
		return ""
	}
	return fmt.Sprintf(" %s=%v", a.Key, a.Value.Resolve())
}

// printable keeps escape sequences, which may come from the network, off the console.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// Lines is a Writer that logs each line that is written to it: the standard error of a child process. It is not safe for concurrent use.
type Lines struct {
	Log  *slog.Logger
	rest []byte
}

// Write implements io.Writer; it never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found && len(l.rest) < maxLine {
			return len(p), nil
		}
		if len(line) > 0 {
			l.Log.Info(string(line))
		}
		l.rest = rest
	}
}
