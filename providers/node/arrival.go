package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/agents"
	"viver/providers/ssh"
)

// arrival is the wait for one node.
type arrival struct {
	wish
	agents *agents.Agents
	place  *place
	report func(resource.Progress)

	told  resource.Progress
	stage spec.Stage // of the machine that is bound, and since when
	since time.Time
	deaf  string // boot ID of a machine that had joined and did not answer
	sick  string // what the health check still waits for
}

// Pauses of an arrival.
const (
	answerTimeout = 30 * time.Second // for a joined machine's first answer
	healthPause   = 2 * time.Second
	lookAgain     = 10 * time.Second // without news
)

// wait returns the machine once it has joined, answers and is well.
func (a *arrival) wait(ctx context.Context) (spec.Machine, error) {
	for {
		m, bound, trouble := a.place.look()
		a.tell(m, bound, trouble)
		if bound && m.Stage() == spec.StageJoined {
			err := a.greet(ctx, m)
			if err == nil {
				a.place.came()
				return m, nil
			}
			var key *ssh.KeyError
			if ctx.Err() == nil && errors.As(err, &key) {
				return m, err
			}
		}
		select {
		case <-ctx.Done():
			return m, a.late(m, bound, trouble)
		case <-a.place.wake:
		case <-time.After(lookAgain):
		}
	}
}

// tell reports how far it is, when that has changed.
func (a *arrival) tell(m spec.Machine, bound bool, trouble error) {
	if stage := m.Stage(); bound && stage != a.stage {
		a.stage, a.since = stage, time.Now()
	}
	p := resource.Progress{Stage: string(m.Stage()), Detail: m.Waiting}
	switch {
	case trouble != nil:
		p.Detail = "its server does not answer: " + trouble.Error()
	case m.MAC == "":
		p.Detail = "waits for a machine to be switched on"
	case m.Stage() == spec.StageLeft:
		p.Stage, p.Detail = "", "it is switched off: waits for it to be switched on"
	}
	a.say(p)
}

func (a *arrival) say(p resource.Progress) {
	if a.report != nil && p != a.told {
		a.told = p
		a.report(p)
	}
}

// greet connects to a machine that has joined, and waits until it is well. An error may pass: the machine may have been
// switched off since.
func (a *arrival) greet(ctx context.Context, m spec.Machine) error {
	patience := answerTimeout
	if a.deaf == m.BootID {
		patience = answerTimeout / 10
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := a.agents.Node(within, m.Address, m.HostKey)
	if err != nil {
		a.deaf = m.BootID
		a.say(resource.Progress{Stage: string(m.Stage()), Detail: "it joined and does not answer at " + m.Address})
		return err
	}
	for {
		ok, err := a.well(ctx, client)
		if ok || err != nil {
			return err
		}
		a.say(resource.Progress{Stage: string(m.Stage()), Detail: a.sick})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(healthPause):
		}
	}
}

// well asks for the units of the health block.
func (a *arrival) well(ctx context.Context, client *ssh.Client) (bool, error) {
	if len(a.units) == 0 {
		return true, nil
	}
	run := spec.StepRun{Mode: step.Check}
	for _, unit := range a.units {
		running := true
		config, err := json.Marshal(step.Service{Name: unit, Running: &running})
		if err != nil {
			return false, err
		}
		run.Steps = append(run.Steps, spec.Step{ID: unit, Type: "service", Config: config, Timeout: answerTimeout})
	}
	var waiting []string
	_, err := client.Call(ctx, spec.OpSteps, run, nil, func(reply spec.Reply) {
		var r spec.StepResult
		if json.Unmarshal(reply.Event, &r) == nil && r.Status != spec.StepSame {
			waiting = append(waiting, strings.TrimSpace(r.ID+" "+r.Output))
		}
	})
	a.sick = "not running yet: " + strings.Join(waiting, ", ")
	return err == nil && len(waiting) == 0, err
}

// late says why the wait is over, and what to do.
func (a *arrival) late(m spec.Machine, bound bool, trouble error) error {
	joined, wanted := a.place.tally()
	count := fmt.Sprintf("%d of %d joined", joined, wanted)
	switch {
	case trouble != nil:
		return fmt.Errorf("its server %s does not answer: %w", a.server.Name, trouble)
	case !bound && m.MAC == "" && a.node.MAC != "":
		return fmt.Errorf("the machine %s did not come within %s: is it switched on and set to boot from the network? (%s)", a.node.MAC, a.timeout, count)
	case !bound && m.MAC == "":
		return fmt.Errorf("no machine came within %s: is a machine switched on and set to boot from the network? (%s)", a.timeout, count)
	case !bound:
		return fmt.Errorf("no machine took this name within %s; %s got as far as stage %s%s (%s)", a.timeout, m.MAC, m.Stage(), because(m.Waiting), count)
	case m.Stage() == spec.StageLeft:
		return fmt.Errorf("%s (%s) is switched off: switch it on and run apply again (%s)", a.node.Name, m.MAC, count)
	case m.Stage() != spec.StageJoined:
		return fmt.Errorf("%s (%s) has been in stage %s for %s%s (%s)", a.node.Name, m.MAC, m.Stage(), time.Since(a.since).Round(time.Second), because(m.Waiting), count)
	case a.sick != "":
		return fmt.Errorf("%s joined, but is not well after %s: %s", a.node.Name, a.timeout, a.sick)
	}
	return fmt.Errorf("%s joined, but does not answer at %s: was it switched off? Switch it on and run apply again (%s)", a.node.Name, m.Address, count)
}

func because(waiting string) string {
	if waiting == "" {
		return ""
	}
	return ": " + waiting
}
