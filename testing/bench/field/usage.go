package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"viver/testing/links/crowd"
)

// usage is what processes have used so far.
type usage struct {
	cpu           []time.Duration // the last one is the seed's, or the server's
	rss           int64           // of the largest node, bytes
	network, seed int64           // bytes that nodes have got from each other and from the seed, and from the seed alone
}

// takeUsage looks at the processes of nodes and at the one that they read from in the end.
func takeUsage(nodes []*crowd.Process, server int) (u usage, err error) {
	for _, p := range nodes {
		rss, err := rssOf(p.PID())
		if err != nil {
			return u, err
		}
		u.rss = max(u.rss, rss)
	}
	u.cpu, err = cpusOf(append(pids(nodes), server))
	return u, err
}

// takeReads is takeUsage of members, with what they have counted.
func takeReads(nodes []*crowd.Process, server int) (usage, error) {
	u, err := takeUsage(nodes, server)
	if err != nil {
		return u, err
	}
	return u, u.count(nodes)
}

// count adds what members have got.
func (u *usage) count(nodes []*crowd.Process) error {
	for _, p := range nodes {
		s, err := p.Status()
		if err != nil {
			return err
		}
		u.network += s.Reads.FromNodes + s.Reads.FromSeeds - s.Reads.Wasted
		u.seed += s.Reads.FromSeeds
	}
	return nil
}

func pids(list []*crowd.Process) (pids []int) {
	for _, p := range list {
		pids = append(pids, p.PID())
	}
	return pids
}

func cpusOf(pids []int) (list []time.Duration, err error) {
	for _, pid := range pids {
		cpu, err := cpuOf(pid)
		if err != nil {
			return nil, err
		}
		list = append(list, cpu)
	}
	return list, nil
}

// since enters what was used since before.
func (u usage) since(before usage, r *result) {
	for i := range u.cpu {
		r.cpu += u.cpu[i] - before.cpu[i]
	}
	last := len(u.cpu) - 1
	r.seedCPU += u.cpu[last] - before.cpu[last]
	r.rss, r.network, r.seed = u.rss, u.network-before.network, u.seed-before.seed
}

// tick is the unit of processor times in /proc: USER_HZ, 100 on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// cpuOf returns how much processor time a process has used: utime and stime of /proc/PID/stat (proc(5)).
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the program's name may hold blanks
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("processor time of %d: %q", pid, stat)
	}
	var total time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("processor time of %d: %w", pid, err)
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

// rssOf returns how many bytes of RAM a process has: VmRSS of /proc/PID/status.
func rssOf(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("memory of %d: /proc does not tell", pid)
}

// loadAverage returns that of the last minute; 0 if the kernel does not tell.
func loadAverage() float64 {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := bytes.Cut(data, []byte(" "))
	load, _ := strconv.ParseFloat(string(first), 64)
	return load
}
