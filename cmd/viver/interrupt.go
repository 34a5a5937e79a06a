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
// the third ends the program. A termination signal counts as the second at once. End gives the signals back.
func interrupts(parent context.Context, say io.Writer) (ctx context.Context, stop <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(parent)
	stopped := make(chan struct{})
	signals := make(chan os.Signal, 3)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var all sync.WaitGroup
	all.Go(func() {
		stage := 0
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				if stage++; s == syscall.SIGTERM {
					stage = max(stage, 2)
				}
				stage = interrupted(stage, stopped, cancel, say)
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

// interrupted does what a stage asks for, and returns it.
func interrupted(stage int, stopped chan struct{}, cancel func(), say io.Writer) int {
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
	return stage
}
