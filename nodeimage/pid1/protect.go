package pid1

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Protect makes this process fit to serve the machine's root, which it may not stand on itself. It must be called once,
// at the start of the supervisor, of the disk's process and of the agent.
//
//   - Its memory is locked: a page of it that had to be read from a disk could be the one that reads that disk. Pages are
//     locked as they are used (MCL_ONFAULT), which is 6 MB instead of 48.
//   - The kernel does not choose it when memory runs out.
//   - SIGTERM, SIGINT and SIGHUP to all processes, as an init sends them at the end, do nothing.
//   - It does not stay stopped: see unstoppable.
//
// Each of these that fails is in the error; the process can go on without. Children inherit the score of the second: see Exposed.
func Protect() error {
	ignored := make(chan os.Signal, 1)
	// Caught, not ignored: children would inherit that, and could not be ended any more.
	signal.Notify(ignored, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	return errors.Join(
		os.NewSyscallError("mlockall", unix.Mlockall(unix.MCL_CURRENT|unix.MCL_FUTURE|unix.MCL_ONFAULT)),
		os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0),
		unstoppable(200*time.Millisecond, 229*time.Millisecond, 257*time.Millisecond),
	)
}

// Exposed takes from a child process the protection against lack of memory which it inherited from a protected parent.
func Exposed(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("0"), 0)
}

// unstoppable lets the kernel send SIGCONT to this process at these intervals, for ever, so that it goes on when it was stopped.
// Before systemd-shutdown and killall5 kill processes, they stop all of them, also those that they will not kill;
// then they read programs from the root, which only the stopped process could give them. Three intervals without a common
// divisor, so that a stop cannot keep step with them. POSIX timers live in the kernel: a stopped process' own would not run.
func unstoppable(intervals ...time.Duration) error {
	for _, d := range intervals {
		if err := continueEvery(d); err != nil {
			return err
		}
	}
	return nil
}

// sigevent is struct sigevent of <signal.h>, 64 bytes (man 7 sigevent). notify 0 is SIGEV_SIGNAL: to the process.
type sigevent struct {
	value  uint64
	signo  int32
	notify int32
	_      [48]byte
}

// itimerspec is struct itimerspec of <time.h>.
type itimerspec struct{ interval, value unix.Timespec }

func continueEvery(d time.Duration) error {
	var id int32
	event := sigevent{signo: int32(unix.SIGCONT)}
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&id)))
	if errno != 0 {
		return os.NewSyscallError("timer_create", errno)
	}
	t := unix.NsecToTimespec(d.Nanoseconds())
	spec := itimerspec{interval: t, value: t}
	_, _, errno = unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("timer_settime", errno)
	}
	return nil
}
