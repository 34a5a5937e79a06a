package pid1

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
)

// Leave is the signal by which the machine's end is told to all three processes: the supervisor starts none any more, the agent says goodbye
// to the cluster and ends, the disk's process ends when the root disk is released.
const Leave = unix.SIGUSR1

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// settled is how long a process must have lived for its death to count as a first one.
	settled = 10 * time.Second
)

// Supervise runs the disk's process and the agent, and again whenever one dies, until each has ended by itself with status 0 or
// Leave was received. It is the whole life of the supervisor's process.
//
// They are two because a process that serves the root must not start programs from it. While Go starts one, it cannot stop its
// other threads for a garbage collection, nor go on without; the start ends when the kernel has read the program. If that read
// comes to the same process in that moment, both wait for ever.
func Supervise() error {
	s := supervisor{log: console.Kernel()}
	if err := Protect(); err != nil {
		s.log.Warn(fmt.Sprintf("protect the supervisor: %v", err))
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, Leave)
	go func() { // as long as the process
		for range signals {
			s.leaving.Store(true)
		}
	}()
	channel := os.NewFile(handover.ChannelFD, "channel")
	var both sync.WaitGroup
	both.Go(func() { s.keep(handover.DiskName, channel) }) // becomes handover.ChannelFD
	both.Go(func() { s.keep(handover.AgentName) })
	both.Wait()
	return nil
}

type supervisor struct {
	log     *slog.Logger
	leaving atomic.Bool
}

// keep runs this program under a name, again and again.
func (s *supervisor) keep(name string, files ...*os.File) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		started := time.Now()
		err := s.run(name, files)
		if err == nil || s.leaving.Load() {
			return
		}
		if time.Since(started) > settled {
			pause = firstPause
		}
		s.log.Error(fmt.Sprintf("%s: %v; started again in %v", name, err, pause))
		time.Sleep(pause)
	}
}

// run runs it once, and logs what it prints: nothing, unless it panics.
func (s *supervisor) run(name string, files []*os.File) error {
	cmd := exec.Cmd{
		Path: "/proc/self/exe", Args: []string{name}, Dir: "/", Stderr: &console.Lines{Log: s.log}, ExtraFiles: files,
		WaitDelay: time.Second, // a program that the agent started may hold its standard error
	}
	return cmd.Run()
}
