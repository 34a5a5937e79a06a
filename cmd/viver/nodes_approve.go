package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"viver/nodeimage/spec"
)

func (a *app) approveCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "approve MAC... | --all",
		Short: "Let machines in that wait for it",
		Long: `approve lets machines join whose MAC addresses no node names, in a network with admission = "approve". viver nodes shows those that wait,
and each of them shows on its console that it does. An approved machine gets the first free name, and needs no approval when it comes again.`,
		Example: `  viver nodes approve 52:54:00:12:34:56
  viver nodes approve --all`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("nodes approve: name the machines by their MAC addresses, or give --all")
			}
			macs, err := macAddresses(args)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 20*time.Second)
			defer cancel()
			return a.approve(ctx, spec.Approval{MACs: macs, All: all})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all that wait now")
	return cmd
}

// macAddresses returns them as servers write them.
func macAddresses(args []string) ([]string, error) {
	var macs []string
	for _, arg := range args {
		mac, err := net.ParseMAC(arg)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("nodes approve: %q is no MAC address such as 52:54:00:12:34:56", arg)
		}
		macs = append(macs, mac.String())
	}
	return macs, nil
}

func (a *app) approve(ctx context.Context, approval spec.Approval) error {
	servers, err := a.servers(ctx)
	if err != nil {
		return err
	}
	machines, err := a.fleet().Approve(ctx, servers, approval)
	if a.json && len(machines) > 0 {
		err = errors.Join(a.printJSON(machines), err)
	} else {
		for _, m := range machines {
			fmt.Fprintf(a.out, "%s is let in.\n", m.MAC)
		}
	}
	return errors.Join(err, unknown(approval, machines))
}

// unknown says which machines no server has seen.
func unknown(approval spec.Approval, machines []spec.Machine) error {
	if approval.All && len(machines) == 0 {
		return errors.New("nodes approve: no machine waits for approval")
	}
	missing := slices.DeleteFunc(slices.Clone(approval.MACs), func(mac string) bool {
		return slices.ContainsFunc(machines, func(m spec.Machine) bool { return m.MAC == mac })
	})
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("nodes approve: no server has seen %s: viver nodes lists all that were seen", strings.Join(missing, ", "))
}
