// Demo shows the main path on this one computer: a seed and four machines with empty disks that boot over the network into one
// shared root, take their steps and power off. It types what a person would type, and leaves its figures in out/demo.json.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// node is one line of the report.
type node struct {
	Name            string                 `json:"name"`
	Firmware        string                 `json:"firmware"`
	JoinedSeconds   float64                `json:"joined_seconds"` // from the power button
	Stages          map[spec.Stage]float64 `json:"stages"`         // seconds from the power button
	BytesRead       int64                  `json:"bytes_read"`
	PoweroffSeconds float64                `json:"poweroff_seconds"` // from `viver destroy` to the end of QEMU
	QEMUExit        int                    `json:"qemu_exit"`
}

func demo(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	out, err := filepath.Abs("out")
	if err != nil {
		return err
	}
	r, err := room.Open(ctx, room.Options{
		Name: "demo", Config: "examples/room", Dir: filepath.Join(out, "demo"),
		Machines: []lab.Machine{{Name: "vm1"}, {Name: "vm2"}, {Name: "vm3"}, {Name: "vm4", Firmware: lab.UEFI}},
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			explain(r)
		}
		_ = r.Close(context.Background())
	}()
	pressed, err := bringUp(ctx, r)
	if err != nil {
		return err
	}
	machines, err := r.Machines(ctx)
	if err != nil {
		return err
	}
	nodes, err := takeDown(ctx, r, measure(r, machines, pressed))
	if err != nil {
		return err
	}
	return report(filepath.Join(out, "demo.json"), nodes)
}

// bringUp applies the configuration, and switches the machines on as soon as the seed serves. It returns when each was.
func bringUp(ctx context.Context, r *room.Room) (map[string]time.Time, error) {
	build := r.Build(ctx)
	show("apply --target image.desk", build)
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	apply := r.Viver(ctx, "apply", "--auto-approve")
	show("apply", apply)
	fmt.Println("-- the machines are switched on as soon as the seed serves")
	pressed, err := r.Apply(ctx, apply)
	if err != nil {
		return nil, err
	}
	again := r.Viver(ctx, "plan")
	show("plan", again)
	return pressed, again.Run()
}

// show prints what a person would type, and connects the command to this terminal.
func show(typed string, cmd *exec.Cmd) {
	fmt.Printf("\n$ viver %s\n", typed)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
}

// measure turns what the seed saw into seconds since the power button.
func measure(r *room.Room, machines []spec.Machine, pressed map[string]time.Time) map[string]*node {
	nodes := map[string]*node{} // by the lab's name of the machine
	for _, m := range machines {
		for _, vm := range r.Lab.Machines {
			if vm.MAC != m.MAC {
				continue
			}
			n := &node{Name: m.Node, Firmware: vm.Firmware, BytesRead: m.BytesRead, Stages: map[spec.Stage]float64{}}
			for _, s := range m.Boot {
				n.Stages[s.Stage] = s.At.Sub(pressed[m.MAC]).Seconds()
			}
			n.JoinedSeconds = n.Stages[spec.StageJoined]
			nodes[vm.Name] = n
		}
	}
	return nodes
}

// takeDown destroys the room and waits until each machine has ended by itself.
func takeDown(ctx context.Context, r *room.Room, byMachine map[string]*node) ([]*node, error) {
	if len(byMachine) != len(r.Lab.Machines) {
		return nil, fmt.Errorf("%d of %d machines joined", len(byMachine), len(r.Lab.Machines))
	}
	destroy := r.Viver(ctx, "destroy", "--auto-approve")
	show("destroy", destroy)
	begin := time.Now()
	var g errgroup.Group
	for _, vm := range r.Lab.Machines {
		n := byMachine[vm.Name]
		g.Go(func() (err error) {
			n.QEMUExit, err = vm.Wait(ctx)
			n.PoweroffSeconds = time.Since(begin).Seconds()
			return err
		})
	}
	if err := destroy.Run(); err != nil {
		return nil, fmt.Errorf("destroy: %w", err)
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var nodes []*node
	for _, vm := range r.Lab.Machines {
		nodes = append(nodes, byMachine[vm.Name])
	}
	return nodes, nil
}

// report prints the table and writes the file.
func report(path string, nodes []*node) error {
	fmt.Print("\nSeconds since the power button\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "node\tboots by\t")
	for _, s := range spec.Stages() {
		fmt.Fprintf(w, "%s\t", s)
	}
	fmt.Fprint(w, "MB read\toff after\t\n")
	for _, n := range nodes {
		fmt.Fprintf(w, "%s\t%s\t", n.Name, n.Firmware)
		for _, s := range spec.Stages() {
			fmt.Fprintf(w, "%.1f\t", n.Stages[s])
		}
		fmt.Fprintf(w, "%.1f\t%.1f\t\n", float64(n.BytesRead)/1e6, n.PoweroffSeconds)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(map[string][]*node{"nodes": nodes}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// explain shows where each machine stood when something failed.
func explain(r *room.Room) {
	for _, m := range r.Lab.Machines {
		if _, err := os.Stat(m.SerialLog()); err == nil {
			fmt.Fprintf(os.Stderr, "\n-- last lines of %s:\n%s\n", m.Name, r.Serial(m.Name, 15))
		}
	}
}
