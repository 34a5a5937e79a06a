package agent

import (
	"bytes"
	"slices"

	"viver/nodeimage/spec"
)

// ran notes what became of steps that were applied or undone; the latest result of each step counts.
func (p *progress) ran(run spec.StepRun, results []spec.StepResult) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range results {
		p.Steps = append(slices.DeleteFunc(p.Steps, func(o spec.StepResult) bool { return o.ID == r.ID }), r)
		if r.Status == spec.StepSkipped {
			continue
		}
		p.Taken = slices.DeleteFunc(p.Taken, func(s spec.Step) bool { return s.ID == r.ID })
		i := slices.IndexFunc(run.Steps, func(s spec.Step) bool { return s.ID == r.ID })
		if run.Mode == spec.ModeApply && r.Status != spec.StepFailed && i >= 0 {
			p.Taken = append(p.Taken, run.Steps[i])
		}
	}
	return p.save()
}

// due returns what is to be undone and applied so that the machine has the steps of its node: none that is in place already is applied
// again.
//
// The steps of another node, which the machine was before it joined again, are undone, the last one first. Others that are in place
// stay, although the node does not have them: an operator may be about to tell the server of them.
func (p *progress) due() (undo, apply []spec.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	node := p.Joined.Node
	for _, s := range node.Steps {
		if !contains(p.Taken, s) {
			apply = append(apply, s)
		}
	}
	if !p.another() {
		return nil, apply
	}
	for _, s := range slices.Backward(p.Taken) {
		if !slices.ContainsFunc(node.Steps, func(o spec.Step) bool { return o.ID == s.ID }) {
			undo = append(undo, s)
		}
	}
	return undo, apply
}

// former tells whether the machine was another node until it joined again.
func (p *progress) former() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.another()
}

// another is former; p.mu is held.
func (p *progress) another() bool { return p.As != "" && p.As != p.Joined.Node.Name }

// became notes that the steps of no other node are in place any more.
func (p *progress) became(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.As = name
	return p.save()
}

func contains(steps []spec.Step, s spec.Step) bool {
	return slices.ContainsFunc(steps, func(o spec.Step) bool {
		return o.ID == s.ID && o.Type == s.Type && o.Timeout == s.Timeout && bytes.Equal(o.Config, s.Config)
	})
}
