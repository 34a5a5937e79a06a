package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"viver/testing/lab"
)

// meter notes how many bytes a machine has received, by the counter of the interface that it is plugged into. It is the same for all
// systems, and does not ask them.
type meter struct {
	samples []sample
	stop    chan struct{}
	ended   sync.WaitGroup
}

type sample struct {
	at    time.Time
	bytes int64
}

// sampling is the time between two samples.
const sampling = 100 * time.Millisecond

// meterOf starts a meter for a machine that is on.
func meterOf(m *lab.Machine) *meter {
	t := &meter{stop: make(chan struct{})}
	t.ended.Go(func() {
		tick := time.NewTicker(sampling)
		defer tick.Stop()
		for {
			if n, err := sentTo(m); err == nil {
				t.samples = append(t.samples, sample{time.Now(), n})
			}
			select {
			case <-t.stop:
				return
			case <-tick.C:
			}
		}
	})
	return t
}

// received ends the meter, and returns how many bytes had come at a time since the meter was started.
func (t *meter) received(at time.Time) int64 {
	close(t.stop)
	t.ended.Wait()
	var first, last int64
	for i, s := range t.samples {
		if i == 0 {
			first, last = s.bytes, s.bytes
		}
		if !s.at.After(at) {
			last = s.bytes
		}
	}
	return last - first
}

// sentTo returns what the machine's interface has sent since it was made, as the machine's own process sees it: that is in the lab's
// network.
func sentTo(m *lab.Machine) (int64, error) {
	pid, err := os.ReadFile(filepath.Join(m.Folder, "pid"))
	if err != nil {
		return 0, err
	}
	table, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "net/dev"))
	if err != nil {
		return 0, err
	}
	return sentBy(table, m.Tap)
}

// sentBy finds an interface's sent bytes in /proc/net/dev: the ninth number behind its name (proc(5)).
func sentBy(table []byte, name string) (int64, error) {
	for line := range bytes.Lines(table) {
		found, numbers, ok := bytes.Cut(line, []byte(":"))
		if !ok || string(bytes.TrimSpace(found)) != name {
			continue
		}
		if fields := bytes.Fields(numbers); len(fields) > 8 {
			return strconv.ParseInt(string(fields[8]), 10, 64)
		}
	}
	return 0, fmt.Errorf("no interface %s", name)
}
