package pid1

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/mountinfo"
	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
)

const (
	// oldRoot is where systemd-shutdown puts the distribution's root before it becomes this program.
	oldRoot = "/oldroot"
	// endTime is how long viver's processes have to end; the agent says goodbye to the cluster before it does.
	endTime = 5 * time.Second
)

// Shutdown ends the machine. systemd-shutdown becomes this program, as PID 1, when all other processes are gone, with the
// distribution's root below /oldroot and in word what to do at last: poweroff, reboot, halt or kexec. handOver gives other machines what
// only this one holds, as far as they take it in bounded time; release disconnects the root's block device. Shutdown does not return.
//
// The order matters: what is held is handed over and the agent says goodbye while the network is up; what is mounted from the root disk goes before the disk, the disk before
// the process that serves it.
//
// Other inits do not come back to the initramfs; they end the machine themselves. Nothing is lost then: the root disk is
// read-only, what lies above it is in RAM. sysvinit spares the disk's process (see SpareFromKillall). busybox kills it with all the
// rest, and reads nothing more. What an init of another kind reads from the root after that must be in memory already.
func Shutdown(word string, handOver, release func() error) {
	log := console.Open()
	if err := handOver(); err != nil {
		log.Warn(err.Error())
	}
	tellLeave(log)
	if err := unmountBelow(oldRoot); err != nil {
		log.Warn(err.Error())
	}
	if err := release(); err != nil {
		log.Warn(err.Error())
	}
	if !waitGone(endTime) {
		log.Warn(fmt.Sprintf("viver's processes did not end within %v", endTime))
	}
	unix.Sync()
	for {
		err := unix.Reboot(command(word))
		log.Error(fmt.Sprintf("%s: %v; the machine restarts in %v", word, err, restartAfter))
		time.Sleep(restartAfter)
		word = "reboot"
	}
}

// command returns the magic number of reboot(2) for a word of systemd-shutdown. An unknown one means power off.
func command(word string) int {
	switch word {
	case "reboot":
		return unix.LINUX_REBOOT_CMD_RESTART
	case "halt":
		return unix.LINUX_REBOOT_CMD_HALT
	case "kexec":
		return unix.LINUX_REBOOT_CMD_KEXEC
	}
	return unix.LINUX_REBOOT_CMD_POWER_OFF
}

// unmountBelow unmounts all that is mounted on root and below, the deepest first. What is busy is detached: it goes with its last user.
func unmountBelow(root string) error {
	targets, err := mountinfo.Below(root)
	errs := []error{err}
	for _, target := range targets {
		if unix.Unmount(target, 0) == nil {
			continue
		}
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", target, err))
		}
	}
	return errors.Join(errs...)
}

// tellLeave sends Leave to viver's processes, to the supervisor first.
func tellLeave(log *slog.Logger) {
	for _, name := range handover.Names() {
		for _, pid := range named(name) {
			if err := unix.Kill(pid, Leave); err != nil {
				log.Warn(fmt.Sprintf("tell %s to leave: %v", name, err))
			}
		}
	}
}

// named returns the processes whose first argument is one of names.
func named(names ...string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right, and there are no other errors
	for _, file := range files {
		data, err := os.ReadFile(file)
		if first, _, _ := strings.Cut(string(data), "\x00"); err != nil || !slices.Contains(names, first) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// waitGone waits until viver's processes have ended, and buries those that are ours. It returns false if that takes longer than limit.
func waitGone(limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
		if len(named(handover.Names()...)) == 0 {
			return true
		}
	}
	return false
}
