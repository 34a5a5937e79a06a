package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of processor times in /proc: USER_HZ, 100 on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// cpu returns how much processor time the server has used: utime and stime of /proc/PID/stat (proc(5)).
func (s server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", s.name, err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the program's name may hold blanks
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("processor time of %s: %q", s.name, stat)
	}
	var total time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of %s: %w", s.name, err)
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// loadAverage returns that of the last minute; 0 if the kernel does not tell.
func loadAverage() float64 {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := bytes.Cut(data, []byte(" "))
	load, _ := strconv.ParseFloat(string(first), 64)
	return load
}
