package step

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// WaitFor waits until one thing is so, as long as the step's timeout, and changes nothing.
type WaitFor struct {
	TCP     string `json:"tcp,omitempty" any:"true" doc:"Until a server takes connections at HOST:PORT."`
	Path    string `json:"path,omitempty" any:"true" doc:"Until there is something at this absolute path."`
	Command string `json:"command,omitempty" any:"true" doc:"Until this shell script succeeds. It is run each second."`
}

// Validate implements Config.
func (w *WaitFor) Validate() error {
	set := 0
	for _, s := range []string{w.TCP, w.Path, w.Command} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return errors.New("want exactly one of tcp, path and command to wait for")
	}
	if w.Path != "" {
		return checkPath("path", w.Path)
	}
	if w.TCP == "" {
		return checkScripts(w.Command)
	}
	host, port, err := net.SplitHostPort(w.TCP)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || !hostName(host) {
		return fmt.Errorf("tcp %q: want HOST:PORT, like \"10.20.0.1:2049\" or \"[fd00::1]:2049\"", w.TCP)
	}
	return nil
}

// hostName says that s can be a name or an address.
func hostName(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:%") == ""
}

func (w *WaitFor) arguments() []argument {
	host, port, _ := net.SplitHostPort(w.TCP) // Validate has refused others
	return []argument{{"host", host}, {"port", port}, {"path", w.Path}, {"command", w.Command}}
}
