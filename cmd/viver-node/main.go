// Command viver-node is what viver runs on machines: the first program of a diskless machine, the agent of every machine, and the
// units of a server. It is one static binary; which of these it is, its name or its first argument says.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"viver/nodeimage/pid1/handover"
)

func main() { os.Exit(run(os.Args)) }

// run picks what this process is, runs it and returns the exit status.
func run(args []string) int {
	var err error
	switch word := pick(args, os.Getpid()); word {
	case "init":
		initialize() // does not return
	case "shutdown":
		shutDown(args) // does not return
	case "supervisor":
		err = supervise()
	case "disk":
		err = runDisk()
	case "node":
		err = runNode()
	case "agent":
		err = runServer(args[2:])
	case "unit":
		return runUnit()
	case "version", "--version":
		fmt.Println("viver-node", version())
	case "":
		fmt.Fprintln(os.Stderr, "viver-node runs on machines; viver starts it. Its words: agent --dir DIR, unit, version")
		return 2
	default:
		fmt.Fprintf(os.Stderr, "viver-node: there is no word %q\n", word)
		return 2
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "viver-node: %v\n", err)
		return 1
	}
	return 0
}

// pick returns what a process with these arguments and this ID is, in one word. Only PID 1 boots a machine (the kernel starts
// /init) or ends it (systemd-shutdown becomes /shutdown); the supervisor, the disk's process and a node's agent have names of their
// own (see package handover).
func pick(args []string, pid int) string {
	if len(args) == 0 {
		return ""
	}
	switch {
	case args[0] == handover.SupervisorName:
		return "supervisor"
	case args[0] == handover.DiskName:
		return "disk"
	case args[0] == handover.AgentName:
		return "node"
	case pid == 1 && filepath.Base(args[0]) == "shutdown":
		return "shutdown"
	case pid == 1:
		return "init"
	case len(args) > 1:
		return args[1]
	}
	return ""
}
