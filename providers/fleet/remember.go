package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"viver/nodeimage/spec"
	"viver/providers/agents"
)

// askTime is how long servers are waited for where something is remembered.
const askTime = 5 * time.Second

// remembered is what the servers said last. It has the host keys of the machines: whoever could change it could let a stranger pass for a
// node, so it lies beside the cluster's authority.
type remembered struct {
	At       time.Time      `json:"at"`
	Machines []spec.Machine `json:"machines"`
}

// recall returns what the servers said last; false: nothing, or nothing that can be read.
func (f *Fleet) recall() (r remembered, ok bool) {
	data, err := os.ReadFile(f.Memory)
	return r, err == nil && json.Unmarshal(data, &r) == nil
}

// remember keeps what all servers said. Machines live on without their servers: an operator must find them still.
func (f *Fleet) remember(machines []spec.Machine) error {
	data, err := json.Marshal(remembered{time.Now().UTC(), machines})
	if err == nil {
		err = renameio.WriteFile(f.Memory, data, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the folder is gone with the cluster
		return fmt.Errorf("remember the machines: %w", err)
	}
	return nil
}

// machines is Machines with a memory.
func (f *Fleet) machines(ctx context.Context, servers []agents.Server) ([]spec.Machine, error) {
	before, known := f.recall()
	asking, cancel := ctx, context.CancelFunc(func() {})
	if known {
		asking, cancel = context.WithTimeout(ctx, askTime)
	}
	defer cancel()
	answers, errs := askAll[[]spec.Machine](asking, f, servers, spec.OpMachines, nil)
	err := errors.Join(errs...)
	if err == nil {
		machines := merge(answers)
		return machines, f.remember(machines)
	}
	if !known {
		return merge(answers), err
	}
	said := f.deputies(ctx, before.Machines)
	machines := merge(slices.Concat(answers, [][]spec.Machine{before.Machines}, said))
	complete(machines, before.Machines)
	return machines, errors.Join(err, fmt.Errorf("what is known of their machines is from %s", before.At.Local().Format(time.DateTime)))
}

// complete adds to machines what was known of the same boot before: deputies are told only what they need.
func complete(machines, before []spec.Machine) {
	for i := range machines {
		m := &machines[i]
		at := slices.IndexFunc(before, func(b spec.Machine) bool { return b.MAC == m.MAC && b.BootID == m.BootID })
		if at < 0 {
			continue
		}
		if b := before[at]; len(m.Boot) == 0 {
			m.Boot, m.Facts, m.HostKey, m.Steps = b.Boot, b.Facts, b.HostKey, b.Steps
		}
	}
}

// deputies asks machines what they know of others, and returns what those say that know something: nodes that admit machines while no
// server can be reached.
func (f *Fleet) deputies(ctx context.Context, machines []spec.Machine) (said [][]spec.Machine) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	machines = slices.DeleteFunc(slices.Clone(machines), func(m spec.Machine) bool { return m.Stage() != spec.StageJoined })
	answers, errs := askNodes[[]spec.Machine](ctx, f, machines, spec.OpMachines, nil)
	for i, err := range errs {
		if err == nil {
			said = append(said, answers[i])
		}
	}
	return said
}
