package roster

import (
	"slices"
	"time"

	"viver/nodeimage/spec"
)

// Observe notes what a unit saw of a machine. An earlier stage than the last one begins a new boot: a machine that
// runs asks no firmware's questions.
func (r *Roster) Observe(e spec.MachineEvent) {
	mac, err := cleanMAC(e.MAC)
	if err != nil || e.Stage.Order() == 0 {
		r.config.Log.Debug("an event is of no machine or stage", "mac", e.MAC, "stage", e.Stage)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.machine(mac)
	m := &rec.Machine
	if m.Stage().Order() > e.Stage.Order() {
		rec.newBoot("")
	}
	now := r.config.Now()
	if m.Stage() != e.Stage {
		m.Boot = append(slices.Clip(m.Boot), spec.StageTime{Stage: e.Stage, At: now})
	}
	m.LastSeen, m.Waiting = now, clean(e.Detail, maxText)
	if a := cleanAddress(e.Address); a != "" {
		m.Address = a
	}
	if f := cleanFirmware(e.Firmware); f != "" {
		m.Firmware = f
	}
	r.touch(rec)
}

// newBoot forgets the last boot. What the machine is stays, and the host key until it joins with another.
func (rec *record) newBoot(bootID string) {
	m := &rec.Machine
	m.BootID, m.Boot, m.Steps, m.BytesRead, m.Waiting, m.Warnings, m.Pending = bootID, nil, nil, 0, "", nil, time.Time{}
	rec.Token, rec.PublicKey = "", nil
}

// boots notes which boot the machine is in.
func (rec *record) boots(bootID string) {
	switch rec.Machine.BootID {
	case bootID:
	case "": // the stages so far are those that units saw of this boot
		rec.Machine.BootID = bootID
	default:
		rec.newBoot(bootID)
	}
}

// merge notes stages that a machine reports, at its own times. One that is known gets the time said last: a machine whose clock was
// wrong says it again. Stages are kept in the order of a boot.
func (rec *record) merge(stages []spec.StageTime) {
	boot := slices.Clone(rec.Machine.Boot)
	for _, s := range stages {
		if s.Stage.Order() == 0 {
			continue
		}
		known := func(t spec.StageTime) bool { return t.Stage == s.Stage }
		if i := slices.IndexFunc(boot, known); i >= 0 {
			boot[i] = s
		} else {
			boot = append(boot, s)
		}
	}
	slices.SortStableFunc(boot, func(a, b spec.StageTime) int { return a.Stage.Order() - b.Stage.Order() })
	rec.Machine.Boot = boot
}

// mergeSteps notes results of steps; a later one of the same step takes the place of the earlier.
func (rec *record) mergeSteps(results []spec.StepResult) {
	steps := slices.Clone(rec.Machine.Steps)
	for _, s := range results {
		s = cleanStep(s)
		i := slices.IndexFunc(steps, func(o spec.StepResult) bool { return o.ID == s.ID })
		switch {
		case i >= 0:
			steps[i] = s
		case len(steps) < maxSteps:
			steps = append(steps, s)
		}
	}
	rec.Machine.Steps = within(steps, maxStepText)
}

// within takes from results the texts of those for which nothing is left of limit, in bytes.
func within(results []spec.StepResult, limit int) []spec.StepResult {
	for i := range results {
		r := &results[i]
		if limit -= len(r.Diff) + len(r.Output); limit < 0 {
			r.Diff, r.Output = "", ""
		}
	}
	return results
}

// saneTime keeps a machine's absurd clock from being shown: it takes now for times that JSON could not give back.
func saneTime(t, now time.Time) time.Time {
	if y := t.Year(); y < 1970 || y > 9999 {
		return now
	}
	return t
}
