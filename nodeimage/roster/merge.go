package roster

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"time"

	"viver/nodeimage/spec"
)

// validToken is what newToken returns.
var validToken = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Merge notes what a deputy has told. What this roster knows comes first: a machine whose name another one has here, or that has another name here,
// is passed over. Its next report is refused then, and it joins again. passed says why, for each of those.
func (r *Roster) Merge(records []spec.MachineRecord) (passed []error, err error) {
	for _, told := range records {
		if err := r.mergeOne(told); err != nil {
			passed = append(passed, fmt.Errorf("roster: machine %.40q, which a deputy let in as %.80q: %w", told.Machine.MAC, told.Machine.Node, err))
		}
	}
	return passed, r.Save()
}

func (r *Roster) mergeOne(told spec.MachineRecord) error {
	told, err := r.cleanRecord(told)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.mayMerge(told); err != nil {
		return err
	}
	rec := r.machine(told.Machine.MAC)
	rec.Machine.Node, rec.Approved = told.Machine.Node, rec.Approved || told.Approved
	r.mergeBoot(rec, told)
	r.touch(rec)
	return nil
}

// mayMerge returns why a machine cannot have the name that a deputy gave it; r.mu is held.
func (r *Roster) mayMerge(told spec.MachineRecord) error {
	m := told.Machine
	n, wanted := r.nodes[m.Node]
	if !wanted {
		return errors.New("there is no such node any more")
	}
	if other := r.boundTo(n.Name); other != nil && other.Machine.MAC != m.MAC {
		return fmt.Errorf("that is machine %s by now", other.Machine.MAC)
	}
	here := record{Machine: spec.Machine{MAC: m.MAC, Node: r.listed(m.MAC)}}
	if rec := r.machines[m.MAC]; rec != nil {
		here = *rec
	}
	here.Approved = here.Approved || told.Approved
	switch {
	case here.Machine.Node != "" && here.Machine.Node != n.Name:
		return fmt.Errorf("it is %s by now", here.Machine.Node)
	case here.Machine.Node == "" && !here.mayBecome(n, m.Image):
		return errors.New("it may not have this name any more")
	case here.Token != "" && here.Machine.BootID == m.BootID && (here.Machine.HostKey != m.HostKey || here.otherKey(told.PublicKey)):
		return fmt.Errorf("it has shown another key in this boot: %w", ErrRefused)
	}
	return nil
}

// mergeBoot notes how far a machine's boot has got, unless a later one is known; r.mu is held.
func (r *Roster) mergeBoot(rec *record, told spec.MachineRecord) {
	m, news := &rec.Machine, told.Machine
	later := news.LastSeen.After(m.LastSeen)
	if !later && m.BootID != news.BootID {
		return
	}
	rec.boots(news.BootID)
	if later {
		was := *m
		rec.Token, rec.PublicKey, *m = told.Token, told.PublicKey, news
		m.Facts, m.Firmware = cmp.Or(news.Facts, was.Facts), cmp.Or(news.Firmware, was.Firmware)
		m.Boot, m.Steps, m.BytesRead = was.Boot, was.Steps, was.BytesRead // of the same boot, or none
	}
	m.BytesRead = max(m.BytesRead, news.BytesRead)
	rec.merge(news.Boot)
	rec.mergeSteps(news.Steps)
}

// cleanRecord checks what a deputy says of a machine as if the machine said it.
func (r *Roster) cleanRecord(told spec.MachineRecord) (spec.MachineRecord, error) {
	m := &told.Machine
	q := spec.JoinRequest{
		MAC: m.MAC, Address: m.Address, Firmware: m.Firmware, BootID: m.BootID, Image: m.Image, HostKey: m.HostKey, PublicKey: told.PublicKey,
	}
	if m.Facts != nil {
		q.Facts = *m.Facts
	}
	q, err := cleanJoin(q)
	if err != nil {
		return told, err
	}
	if !validToken.MatchString(told.Token) {
		return told, fmt.Errorf("its token is none: %w", ErrRefused)
	}
	m.MAC, m.Address, m.Firmware, m.HostKey = q.MAC, q.Address, q.Firmware, q.HostKey
	if m.Facts != nil {
		m.Facts = &q.Facts
	}
	m.Waiting, m.Warnings, m.Boot, m.Pending = clean(m.Waiting, maxText), cleanWarnings(m.Warnings), r.sane(m.Boot), time.Time{}
	if now := r.config.Now(); m.LastSeen.After(now) {
		m.LastSeen = now
	}
	m.LastSeen = saneTime(m.LastSeen, r.config.Now())
	return told, nil
}
