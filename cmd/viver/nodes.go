package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/state"
	"viver/providers/agents"
	"viver/providers/fleet"
	"viver/providers/ssh"
)

func (a *app) nodesCommand() *cobra.Command {
	var timeout time.Duration
	var watch bool
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "Show where every machine is in its boot",
		Long: `nodes asks the servers which machines they have seen: their names, how far their boot has got, and what holds it up. Machines
that wait for a name or for approval are shown too, and warnings: a root that is nearly full of changes, which lie in RAM, and which
folders have the most of them. With --watch it goes on, and prints a line whenever a machine gets further.`,
		Example: `  viver nodes
  viver nodes --watch
  viver nodes --json | jq '.[] | select(.waiting != null)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return a.watchNodes(cmd.Context())
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			machines, err := a.machines(ctx, a.fleet())
			if err != nil && len(machines) == 0 {
				return err
			}
			if a.json {
				return errors.Join(a.printJSON(machines), err)
			}
			return errors.Join(printMachines(a.out, machines, time.Now()), err)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until Ctrl-C, with a line for each change")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long (a `duration`) to wait for a server's answer")
	cmd.AddCommand(a.approveCommand())
	return cmd
}

func (a *app) fleet() *fleet.Fleet {
	dir := authorityDir(a.open().stateDir)
	return &fleet.Fleet{Agents: &agents.Agents{Dir: dir, Pool: new(ssh.Pool), Port: a.agentPort}, Memory: filepath.Join(dir, "machines.json")}
}

// machines returns what the servers in the state know.
func (a *app) machines(ctx context.Context, f *fleet.Fleet) ([]spec.Machine, error) {
	servers, err := a.servers(ctx)
	if err != nil {
		return nil, err
	}
	return f.Machines(ctx, servers)
}

// servers are those in the state, by name.
func (a *app) servers(ctx context.Context) ([]agents.Server, error) {
	s, err := a.open().remembered(ctx)
	if err != nil {
		return nil, err
	}
	servers := serversIn(s)
	if len(servers) == 0 {
		return nil, errors.New("there is no server yet that could know of machines: run viver apply")
	}
	return servers, nil
}

// serversIn returns the servers of a state, by name.
func serversIn(s *state.State) (servers []agents.Server) {
	for _, i := range s.Instances {
		if i.Type == "server" {
			servers = append(servers, agents.Server{Name: text(i.Computed["name"]), Address: text(i.Inputs.GetAttr("address"))})
		}
	}
	slices.SortFunc(servers, func(a, b agents.Server) int { return cmp.Compare(a.Name, b.Name) })
	return servers
}

// text is a string of the state, "" where it is not known.
func text(v cty.Value) string {
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

func printMachines(out io.Writer, machines []spec.Machine, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTAGE\tFOR\tADDRESS\tMAC\tFIRMWARE\tMEMORY\tREAD\tNOTE")
	for _, m := range machines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(m.Node, "-"), cmp.Or(m.Stage(), "-"), since(m, now),
			cmp.Or(m.Address, "-"), m.MAC, cmp.Or(m.Firmware, "-"), memory(m.Facts), megabytes(m.BytesRead), remarks(m))
	}
	return w.Flush()
}

// remarks are what the machine is held up by, and what a person should see to.
func remarks(m spec.Machine) string {
	var all []string
	if m.Waiting != "" {
		all = append(all, m.Waiting)
	}
	for _, w := range m.Warnings {
		all = append(all, "warning: "+w)
	}
	return strings.Join(all, "; ")
}

// since says for how long the machine has been in its stage.
func since(m spec.Machine, now time.Time) string {
	if len(m.Boot) == 0 {
		return "-"
	}
	return now.Sub(m.Boot[len(m.Boot)-1].At).Round(time.Second).String()
}

func memory(f *spec.Facts) string {
	if f == nil {
		return "-"
	}
	return megabytes(f.MemoryBytes)
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", (bytes+500_000)/1_000_000) }
