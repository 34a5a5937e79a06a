package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"viver/testing/lab"
)

// labCommand groups the commands for rooms of virtual machines on this computer.
func labCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Rooms of virtual machines on this computer",
		Long: `A lab is a network namespace with a bridge and QEMU machines without disks: a room to try a configuration in,
by the same code that runs a real one. Nothing of it can be seen from outside. Labs need root.`,
		Example: `  viver lab up room --bios 3 --uefi 1      make a lab with four machines, switched off
  viver lab exec room -- viver apply       run viver on the lab's host, 10.20.0.1 on br0
  viver lab power on room                  switch all machines on
  viver lab console room vm1               see what vm1 prints; leave with Ctrl-]
  viver lab down room                      end everything and remove it`,
	}
	cmd.AddCommand(labUp(), labDown(), labList(), labConsole(), labPower(), labExec())
	return cmd
}

func labUp() *cobra.Command {
	var bios, uefi, memory, cpus int
	var address, nic string
	cmd := &cobra.Command{
		Use:   "up NAME",
		Short: "Make a lab; its machines are off",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l := lab.Lab{Name: args[0], Address: address}
			for i := range bios + uefi {
				m := lab.Machine{MemoryMB: memory, CPUs: cpus, NIC: nic, Firmware: lab.BIOS}
				if i >= bios {
					m.Firmware = lab.UEFI
				}
				l.Machines = append(l.Machines, m)
			}
			made, err := lab.Up(cmd.Context(), l)
			if err != nil {
				return err
			}
			return printLab(cmd.OutOrStdout(), made)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&bios, "bios", 2, "`number` of machines with a BIOS")
	flags.IntVar(&uefi, "uefi", 0, "`number` of machines with UEFI")
	flags.IntVar(&memory, "memory", 1024, "memory of each machine in `MB`")
	flags.IntVar(&cpus, "cpus", 0, "processors of each machine, a `number`; 0: two, or one if this computer has not as many")
	flags.StringVar(&address, "address", "10.20.0.1/16", "`address` of the lab's host on its bridge")
	flags.StringVar(&nic, "nic", "virtio-net-pci", "network `card`: virtio-net-pci, e1000, e1000e or rtl8139")
	return cmd
}

func labDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down NAME...",
		Short: "End everything in a lab and remove it, also what a crash left",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := lab.Remove(cmd.Context(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func labList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the labs and their machines",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := lab.List()
			if err != nil {
				return err
			}
			labs := []*lab.Lab{}
			for _, name := range names {
				l, err := lab.Open(name)
				if err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: left over by a crash; remove it with: viver lab down %s\n", name, name)
					continue
				}
				labs = append(labs, l)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(labs)
			}
			for _, l := range labs {
				if err := printLab(cmd.OutOrStdout(), l); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printLab(out io.Writer, l *lab.Lab) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\thost %s on %s\n", l.Name, l.Address, lab.Bridge)
	for _, m := range l.Machines {
		power := "off"
		if m.Running() {
			power = "on"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%d MB\t%s\t%s\n", m.Name, m.Firmware, m.MAC, m.MemoryMB, m.NIC, power)
	}
	return w.Flush()
}

func labPower() *cobra.Command {
	return &cobra.Command{
		Use:       "power on|off NAME [MACHINE...]",
		Short:     "Switch machines on, or pull their plug",
		Args:      cobra.MinimumNArgs(2),
		ValidArgs: []string{"on", "off"},
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := lab.Open(args[1])
			if err != nil {
				return err
			}
			act, known := map[string]func(context.Context, string) error{"on": l.PowerOn, "off": l.PowerOff}[args[0]]
			if !known {
				return fmt.Errorf("lab power: %q: want on or off", args[0])
			}
			machines := args[2:]
			if len(machines) == 0 {
				for _, m := range l.Machines {
					machines = append(machines, m.Name)
				}
			}
			for _, m := range machines {
				if err := act(cmd.Context(), m); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func labConsole() *cobra.Command {
	return &cobra.Command{
		Use:   "console NAME MACHINE",
		Short: "Use a machine's serial console; leave with Ctrl-]",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := lab.Open(args[0])
			if err != nil {
				return err
			}
			if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
				before, err := term.MakeRaw(fd)
				if err != nil {
					return fmt.Errorf("lab console: %w", err)
				}
				defer func() { _ = term.Restore(fd, before) }()
			}
			return l.Console(cmd.Context(), args[1], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func labExec() *cobra.Command {
	return &cobra.Command{
		Use:   "exec NAME -- COMMAND [ARGUMENT...]",
		Short: "Run a command on the lab's host",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := lab.Open(args[0])
			if err != nil {
				return err
			}
			inside := l.Command(cmd.Context(), args[1], args[2:]...)
			inside.Stdin, inside.Stdout, inside.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			err = inside.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return insideError{exit}
			}
			return err
		},
	}
}

// insideError is the end of a command that was run in a lab: it has said itself what was wrong.
type insideError struct{ *exec.ExitError }
