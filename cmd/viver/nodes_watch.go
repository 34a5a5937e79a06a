package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"viver/nodeimage/spec"
)

// watchNodes prints how every machine is, and a line for each that gets further, until ctx ends. With --json it prints each thing that a
// server says of a machine, as one object.
func (a *app) watchNodes(ctx context.Context) error {
	servers, err := a.servers(ctx)
	if err != nil {
		return err
	}
	print := a.printNews()
	if a.json {
		e := json.NewEncoder(a.out)
		print = func(m spec.Machine) { _ = e.Encode(m) } // who reads has gone: ctx will end
	}
	a.fleet().Watch(ctx, servers, print, func(err error) { fmt.Fprintln(a.errors, "viver nodes:", err) })
	return nil
}

// printNews returns a function that prints a machine when there is something about it that a person would want to know.
func (a *app) printNews() func(spec.Machine) {
	said := map[string]string{}
	return func(m spec.Machine) {
		news := fmt.Sprintf("%-12s %-9s %-15s %s  %s", cmp.Or(m.Node, "-"), cmp.Or(m.Stage(), "-"), cmp.Or(m.Address, "-"), m.MAC, remarks(m))
		if said[m.MAC] == news {
			return
		}
		said[m.MAC] = news
		fmt.Fprintln(a.out, time.Now().Format(time.TimeOnly)+"  "+news)
	}
}
