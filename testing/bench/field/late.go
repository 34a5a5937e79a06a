package main

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// nap is how long a sleeper sleeps at a time.
const nap = 10 * time.Millisecond

// sleeper finds out whether this computer does its work in time: it sleeps, with the precedence that the hosts' programs have, and looks by how
// much it is woken late. Where that is many milliseconds it is the processors that are measured, and not the network.
type sleeper struct {
	stop chan struct{}
	late chan time.Duration
}

func newSleeper() *sleeper {
	s := &sleeper{make(chan struct{}), make(chan time.Duration, 1)}
	go s.sleep()
	return s
}

// end returns by how much it was woken late on the average.
func (s *sleeper) end() time.Duration {
	close(s.stop)
	return <-s.late
}

func (s *sleeper) sleep() {
	runtime.LockOSThread() // for good: the thread ends with its precedence
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -10)
	var total time.Duration
	for n := time.Duration(1); ; n++ {
		begin, length := time.Now(), unix.NsecToTimespec(int64(nap))
		_ = unix.Nanosleep(&length, nil) // a signal may end it early
		total += max(0, time.Since(begin)-nap)
		select {
		case <-s.stop:
			s.late <- total / n
			return
		default:
		}
	}
}
