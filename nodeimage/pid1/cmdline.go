package pid1

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// options is what the kernel's command line says to early user space.
type options struct {
	// boot is the MAC of the interface that the firmware booted from, lower case with colons: viver.mac=52:54:00:12:34:56,
	// or BOOTIF=01-52-54-00-12-34-56 as PXELINUX writes it (01 is Ethernet). "": not known.
	boot string
	// init is the program to hand over to (init=); "": look for one.
	init string
	// overlay is the share of RAM in percent for what is written to the root (viver.overlay=); 0: not said.
	overlay int
}

// parseOptions reads a kernel command line. What cannot be understood is left out and named in problems; it never keeps a machine
// from booting.
func parseOptions(line string) (o options, problems []error) {
	for _, word := range words(line) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "viver.mac":
			o.boot, err = parseMAC(value)
		case "BOOTIF":
			if o.boot == "" {
				o.boot, err = parseMAC(strings.TrimPrefix(value, "01-"))
			}
		case "init":
			o.init = value
		case "viver.overlay":
			o.overlay, err = parsePercent(value)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("kernel command line: %s: %w", word, err))
		}
	}
	return o, problems
}

func parseMAC(s string) (string, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return "", fmt.Errorf("not a MAC address such as 52:54:00:12:34:56")
	}
	return mac.String(), nil
}

func parsePercent(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 95 {
		return 0, fmt.Errorf("not a share of the memory between 1 and 95 percent; it is taken as not said")
	}
	return n, nil
}

// words splits a command line at spaces outside of double quotes, as the kernel does, up to "--": what follows is init's own.
func words(line string) []string {
	quoted := false
	fields := strings.FieldsFunc(strings.TrimSpace(line), func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t' || r == '\n')
	})
	for i, f := range fields {
		if f == "--" {
			return fields[:i]
		}
		fields[i] = strings.ReplaceAll(f, `"`, "")
	}
	return fields
}
