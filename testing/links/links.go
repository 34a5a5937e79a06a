// Package links is a network in namespaces of this computer: hosts without machines, each on a switch by a line of its own, with the rate
// and the queue of a real one both ways. Lines can be made slower, cut and joined again while programs run on the hosts, and the
// switch can be split in two. What is measured here is the network; what the hosts do is for their programs.
//
// It owns the making of the network and its complete removal, also of what a killed run has left. It needs root, and the programs ip, tc
// and ss (iproute2). Machines with kernels of their own are made by package testing/lab.
//
// No host has a way out of its room: rooms can have the same addresses, those of 10.77.0.0/16.
package links

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Rate is of a line, in bits a second, each way.
type Rate int64

// Mbit is a megabit a second.
const Mbit Rate = 1e6

// queueTime is how much of a line's time the queue before it holds. Switches of small networks have about as much.
const queueTime = 20 * time.Millisecond

// burstTime is what a line that was idle, or that the processor came late to, may catch up.
const burstTime = 5 * time.Millisecond

// bytesIn returns how many bytes pass in this time.
func (r Rate) bytesIn(d time.Duration) int64 { return int64(float64(r) / 8 * d.Seconds()) }

// lockRoot is the folder of the files by which two runs keep out of each other's way.
const lockRoot = "/run/viver-links"

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// Room is one network. Its methods must not be called at once.
type Room struct {
	name  string
	hosts []string
	lock  *os.File
}

// Open makes a room with these hosts, all on one switch, with lines of this rate. What an earlier run has left under the name is
// removed first; a room that is open in another process is refused. When Open fails, nothing is left. Close must be called.
func Open(ctx context.Context, name string, rate Rate, hosts ...string) (*Room, error) {
	r := &Room{name: name, hosts: hosts}
	if err := r.check(rate); err != nil {
		return nil, err
	}
	if err := r.take(); err != nil {
		return nil, err
	}
	if err := r.build(ctx, rate); err != nil {
		return nil, errors.Join(fmt.Errorf("links %s: %w", name, err), r.Close(context.WithoutCancel(ctx)))
	}
	return r, nil
}

func (r *Room) check(rate Rate) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("links %s: network namespaces need root: run it with sudo", r.name)
	}
	if rate < Mbit/10 || len(r.hosts) == 0 || len(r.hosts) > 1000 {
		return fmt.Errorf("links %s: %d hosts at %d bit/s: want 1 to 1000 at no less than 100000", r.name, len(r.hosts), rate)
	}
	seen := map[string]bool{}
	for _, name := range append([]string{r.name}, r.hosts...) {
		if !validName.MatchString(name) || seen[name] && name != r.name {
			return fmt.Errorf("links %s: %q cannot be a name, or is there twice: use up to 31 lower-case letters, digits and hyphens", r.name, name)
		}
		seen[name] = true
	}
	return nil
}

// take makes sure that no other process has a room of this name. The kernel takes the lock back when the process ends.
func (r *Room) take() (err error) {
	if err := os.MkdirAll(lockRoot, 0o755); err != nil {
		return fmt.Errorf("links %s: %w", r.name, err)
	}
	if r.lock, err = os.OpenFile(lockRoot+"/"+r.name, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("links %s: %w", r.name, err)
	}
	if err := unix.Flock(int(r.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		r.lock.Close()
		return fmt.Errorf("links %s: another process has a room of this name open: %w", r.name, err)
	}
	return nil
}

// Hosts returns the names of the hosts.
func (r *Room) Hosts() []string { return r.hosts }

// Address returns that of a host, the zero Addr if there is no such host.
func (r *Room) Address(host string) netip.Addr {
	n := r.number(host)
	if n < 0 {
		return netip.Addr{}
	}
	return address(n)
}

func address(number int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, byte((number + 1) >> 8), byte(number + 1)})
}

// number returns which host this is, -1 if there is none.
func (r *Room) number(host string) int {
	for i, h := range r.hosts {
		if h == host {
			return i
		}
	}
	return -1
}

// niceness is that of what runs on hosts. Each stands for a machine that has processors of its own, so it goes before other work of this
// computer. Where the kernel groups processes by session (sched(7), autogroup), the group's counts against the others.
const niceness = "-10"

// precedence is a shell's command that gives the command after it that niceness.
const precedence = "echo " + niceness + " 2>/dev/null >/proc/self/autogroup; exec nice -n " + niceness + ` "$@"`

// Command returns a command that runs on a host, in a session of its own, with the files of this computer. It is killed when the room is
// closed, if it still runs.
func (r *Room) Command(ctx context.Context, host, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", r.namespace(host), "sh", "-c", precedence, "sh", name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// Close ends every process on the hosts and removes all.
func (r *Room) Close(ctx context.Context) error {
	defer r.lock.Close()
	return r.remove(ctx)
}
