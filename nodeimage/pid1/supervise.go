package pid1

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
)

// Leave is the signal by which the machine's end is told to the supervisor, which starts no agent any more, and to the
// agent, which says goodbye to the cluster and ends when the root disk is released.
const Leave = unix.SIGUSR1

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// settled is how long an agent must have lived for its death to count as a first one.
	settled = 10 * time.Second
)

// Supervise runs the agent, and again whenever it dies, until it ends by itself with status 0 or Leave was received. It is the
// whole life of the supervisor's process.
func Supervise() error {
	log := console.Kernel()
	if err := Protect(); err != nil {
		log.Warn(fmt.Sprintf("protect the supervisor: %v", err))
	}
	var leaving atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, Leave)
	go func() { // as long as the process
		for range signals {
			leaving.Store(true)
		}
	}()
	channel := os.NewFile(handover.ChannelFD, "channel")
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		started := time.Now()
		err := runAgent(channel, log)
		if err == nil || leaving.Load() {
			return nil
		}
		if time.Since(started) > settled {
			pause = firstPause
		}
		log.Error(fmt.Sprintf("agent: %v; started again in %v", err, pause))
		time.Sleep(pause)
	}
}

// runAgent runs this program as the agent, and logs what it prints: nothing, unless it panics.
func runAgent(channel *os.File, log *slog.Logger) error {
	cmd := exec.Cmd{
		Path: "/proc/self/exe", Args: []string{handover.AgentName}, Dir: "/",
		Stderr: &console.Lines{Log: log}, ExtraFiles: []*os.File{channel}, // becomes handover.ChannelFD
		WaitDelay: time.Second, // a program that the agent started may hold its standard error
	}
	return cmd.Run()
}
