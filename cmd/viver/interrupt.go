package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts turns Ctrl-C into its three stages: the first closes stop, so that nothing new starts; the second cancels the context;
// the third ends the program. A termination signal, and the end of the terminal, count as the second at once; that nobody reads what is
// printed any more (viver apply | head) counts as the first. End gives the signals back.
func interrupts(parent context.Context, say io.Writer) (ctx context.Context, stop <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(parent)
	stopped := make(chan struct{})
	signals := make(chan os.Signal, 3)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	if !signal.Ignored(syscall.SIGHUP) { // nohup viver apply outlives its terminal
		signal.Notify(signals, syscall.SIGHUP)
	}
	var all sync.WaitGroup
	all.Go(func() {
		stage := 0
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				next := stageAfter(stage, s)
				if next > stage {
					interrupted(next, stopped, cancel, say)
				}
				stage = next
			}
		}
	})
	return ctx, stopped, func() {
		signal.Stop(signals)
		close(done)
		all.Wait()
		cancel()
	}
}

// stageAfter is the stage that a signal brings about.
func stageAfter(stage int, s os.Signal) int {
	switch s {
	case syscall.SIGPIPE:
		return max(stage, 1)
	case syscall.SIGTERM, syscall.SIGHUP:
		return max(stage+1, 2)
	}
	return stage + 1
}

// interrupted does what a stage asks for.
func interrupted(stage int, stopped chan struct{}, cancel func(), say io.Writer) {
	select {
	case <-stopped:
	default:
		close(stopped)
	}
	switch stage {
	case 1:
		fmt.Fprintln(say, "\nStopping: nothing new is started. Waiting for what runs; Ctrl-C again cancels it.")
	case 2:
		fmt.Fprintln(say, "\nCanceling what runs. Ctrl-C again ends at once; what was under way is then marked incomplete.")
		cancel()
	default:
		fmt.Fprintln(say, "\nEnded. To go on: run the command again.")
		os.Exit(exitSignal)
	}
}
