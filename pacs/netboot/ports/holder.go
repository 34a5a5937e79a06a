// Package ports says who holds a port of this machine, for the error that tells that it is in use. It owns the reading of
// /proc for that, nothing else.
package ports

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder names the process that has a port open, "dnsmasq (PID 712)", or "another program" where proc (usually "/proc") does not
// tell: without root it tells of its own user's processes only. network is "udp" or "tcp"; of IPv4 and IPv6 the first found counts.
// It sees the network namespace of this process.
func Holder(proc, network string, port int) string {
	const nobody = "another program"
	sockets := map[string]bool{}
	for _, table := range []string{network, network + "6"} {
		addSockets(sockets, filepath.Join(proc, "net", table), port, network == "tcp")
	}
	if len(sockets) == 0 {
		return nobody
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*/fd/*")) // the pattern is well formed
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		pid := filepath.Base(filepath.Dir(filepath.Dir(link)))
		if name, err := os.ReadFile(filepath.Join(proc, pid, "comm")); err == nil {
			return fmt.Sprintf("%s (PID %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return nobody
}

// addSockets adds the sockets on the port, as links in /proc/PID/fd name them. proc_net(5): column 2 is the local address in
// hexadecimal, "0100007F:0043", column 4 the state (0A: TCP listens), column 10 the inode.
func addSockets(found map[string]bool, path string, port int, listening bool) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || listening && fields[3] != "0A" {
			continue
		}
		_, number, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(number, 16, 16); err == nil && int(n) == port {
			found["socket:["+fields[9]+"]"] = true
		}
	}
}
