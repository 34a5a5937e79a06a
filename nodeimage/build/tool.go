package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tool is a program that works on the tree.
type tool struct {
	name  string // for error messages
	args  []string
	env   []string // beside PATH, locale and proxies
	stdin io.Reader
	line  func(string) // gets each line of output, also those that end in a carriage return; nil: nobody does
}

// packageOf says where the programs come from.
var packageOf = map[string]string{"mmdebstrap": "mmdebstrap", "mksquashfs": "squashfs-tools"}

// ready reports whether a root can be made at all, before anything is begun.
func ready(src Source) error {
	if os.Geteuid() != 0 {
		return errors.New("making a root needs root rights, for its files' owners and chroot: run viver with sudo")
	}
	needed := []string{"mksquashfs"}
	if src.suite() != "" {
		needed = append(needed, "mmdebstrap")
	}
	for _, name := range needed {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is missing: apt-get install %s", name, packageOf[name])
		}
	}
	return nil
}

// run runs a tool to its end. It has namespaces of its own: its mounts end with it, and so does each process that it leaves behind; and
// it sees "localhost" as the machine's name, lest that of this one gets into the tree. When ctx ends, or this process dies, it is killed.
func (b *Builder) run(ctx context.Context, t tool) error {
	runtime.LockOSThread() // Pdeathsig means the death of the thread
	defer runtime.UnlockOSThread()
	script := `echo localhost >/proc/sys/kernel/hostname && exec "$@"`
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", script, "sh"}, t.args...)...)
	cmd.Env = append(environment(), t.env...)
	cmd.Stdin = t.stdin
	cmd.Dir = "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   unix.CLONE_NEWPID,
		Unshareflags: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:    unix.SIGKILL,
	}
	out := &lines{each: func(line string) {
		b.debug("tool", "name", t.name, "line", line)
		if t.line != nil {
			t.line(line)
		}
	}}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	out.end()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", t.name, context.Cause(ctx))
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: cannot make namespaces: %w: root needs CAP_SYS_ADMIN (a container: --privileged)", t.name, err)
	}
	return fmt.Errorf("%s: %w\n%s", t.name, err, out.reason())
}

// environment returns what of this process's environment a tool may see.
func environment() []string {
	env := []string{"LC_ALL=C", "HOME=/nonexistent", "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// keptErrors and keptLines are how many errors, or without any how many other lines, of a tool an error shows; longest bounds one of them.
const (
	keptErrors = 4
	keptLines  = 12
	longest    = 4096
)

// lines splits what is written to it, and remembers the end and the first errors.
type lines struct {
	each   func(string)
	part   []byte
	last   []string
	errors []string
}

func (l *lines) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' || c == '\r' {
			l.end()
		} else if len(l.part) < longest {
			l.part = append(l.part, c)
		}
	}
	return len(p), nil
}

// end ends a line.
func (l *lines) end() {
	line := string(bytes.TrimSpace(l.part))
	l.part = l.part[:0]
	if line == "" {
		return
	}
	l.last = append(l.last, line)
	l.last = l.last[max(0, len(l.last)-keptLines):]
	if failure.MatchString(line) && !wrapping.MatchString(line) && len(l.errors) < keptErrors {
		l.errors = append(l.errors, line)
	}
	l.each(line)
}

var (
	// failure matches the lines that tools mark as errors, and those of a full disk, which some do not.
	failure = regexp.MustCompile(`^E: |^FATAL ERROR|No space left on device`)
	// wrapping matches errors of mmdebstrap which only say that the one before them was one.
	wrapping = regexp.MustCompile(`^E: (setup failed:|apt-get|mmdebstrap) .*failed`)
)

// reason returns the lines that say why a tool failed: those marked as errors, else the last ones.
func (l *lines) reason() string {
	if len(l.errors) > 0 {
		return strings.Join(l.errors, "\n")
	}
	return strings.Join(l.last, "\n")
}
