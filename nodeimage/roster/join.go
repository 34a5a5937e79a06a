package roster

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"viver/nodeimage/spec"
)

// RetrySeconds is how soon a machine that was put off asks again.
const RetrySeconds = 2

// ErrRefused is wrapped by the errors for machines that are not what they say they are, ErrNotKept by those of the file.
var (
	ErrRefused = errors.New("refused")
	ErrNotKept = errors.New("it cannot be kept")
)

// Join admits a machine, or puts it off. A machine that asks again in the same boot gets the same answer.
//
// Admission is by the configuration: a machine whose MAC is listed gets that node's name, another one the first free name of its image
// that its admission leaves to it, for good. The error wraps ErrRefused, or says what is wrong with the request.
func (r *Roster) Join(request spec.JoinRequest) (*spec.JoinResponse, *spec.JoinWait, error) {
	if request.Cluster != r.config.Cluster {
		return nil, nil, fmt.Errorf("roster: join: this server is of cluster %s, the machine boots for %.40q: %w", r.config.Cluster, request.Cluster, ErrRefused)
	}
	request, err := cleanJoin(request)
	if err != nil {
		return nil, nil, err
	}
	response, reason, err := r.join(request)
	if err != nil {
		return nil, nil, err
	}
	if reason != "" {
		return nil, &spec.JoinWait{Reason: reason, RetrySeconds: RetrySeconds}, nil
	}
	return response, nil, r.Save()
}

func (r *Roster) join(request spec.JoinRequest) (response *spec.JoinResponse, reason string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.machine(request.MAC)
	if rec.Token != "" && rec.Machine.BootID == request.BootID && (rec.Machine.HostKey != request.HostKey || rec.otherKey(request.PublicKey)) {
		return nil, "", fmt.Errorf("roster: join: machine %s has joined in this boot with another key: %w", request.MAC, ErrRefused)
	}
	r.take(rec, request)
	if rec.Machine.Node == "" {
		if reason = r.bind(rec, request.Image); reason != "" {
			rec.Machine.Waiting = reason
			return nil, reason, nil
		}
	}
	if rec.Token == "" {
		rec.Token = newToken()
	}
	node := r.nodes[rec.Machine.Node]
	return &spec.JoinResponse{Node: node, Token: rec.Token, Time: r.config.Now()}, "", nil
}

// otherKey reports whether the machine has shown another key in this boot. One that shows none is of an earlier version, or does not want a
// passport any more.
func (rec *record) otherKey(key []byte) bool {
	return rec.PublicKey != nil && key != nil && !bytes.Equal(rec.PublicKey, key)
}

// take notes what a machine says of itself; r.mu is held.
func (r *Roster) take(rec *record, request spec.JoinRequest) {
	rec.boots(request.BootID)
	m := &rec.Machine
	m.Address, m.Image, m.HostKey, m.Waiting = request.Address, request.Image, request.HostKey, ""
	if request.Firmware != "" {
		m.Firmware = request.Firmware
	}
	if request.PublicKey != nil {
		rec.PublicKey = request.PublicKey
	}
	m.Facts = &request.Facts
	m.LastSeen = r.config.Now()
	rec.merge(r.sane(request.Boot))
	r.touch(rec)
}

// Report notes what a machine says of its boot. The error wraps ErrRefused if the token is not that of its present boot: it should
// join again.
func (r *Roster) Report(report spec.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.known(report.MAC, report.Token)
	if err != nil {
		return fmt.Errorf("roster: report: %w", err)
	}
	m := &rec.Machine
	m.LastSeen = r.config.Now()
	m.Waiting, m.Warnings = clean(report.Waiting, maxText), cleanWarnings(report.Warnings)
	m.BytesRead = max(m.BytesRead, report.BytesRead)
	if a := cleanAddress(report.Address); a != "" {
		m.Address = a
	}
	rec.merge(r.sane(report.Boot))
	if m.Stage() == spec.StageLeft {
		m.Warnings = nil
	}
	rec.mergeSteps(report.Steps)
	r.touch(rec)
	return nil
}

// Holder returns the name and the public key of a machine that asks for another passport. The error wraps ErrRefused if the token is not
// that of its present boot, or it has no name or key any more: it should join again.
func (r *Roster) Holder(request spec.PassportRequest) (name string, publicKey []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, err := r.known(request.MAC, request.Token)
	if err != nil {
		return "", nil, fmt.Errorf("roster: passport: %w", err)
	}
	if rec.Machine.Node == "" || rec.PublicKey == nil {
		return "", nil, fmt.Errorf("roster: passport: machine %s has no name, or no key: %w", rec.Machine.MAC, ErrRefused)
	}
	return rec.Machine.Node, rec.PublicKey, nil
}

// known returns the machine that has joined with this token; r.mu is held.
func (r *Roster) known(mac, token string) (*record, error) {
	mac, err := cleanMAC(mac)
	if err != nil {
		return nil, err
	}
	rec := r.machines[mac]
	if rec == nil || rec.Token == "" || subtle.ConstantTimeCompare([]byte(rec.Token), []byte(token)) != 1 {
		return nil, fmt.Errorf("machine %s has not joined with this token: %w", mac, ErrRefused)
	}
	return rec, nil
}

func (r *Roster) sane(stages []spec.StageTime) []spec.StageTime {
	stages = append([]spec.StageTime(nil), stages[:min(len(stages), maxStages)]...)
	for i := range stages {
		stages[i].At = saneTime(stages[i].At, r.config.Now())
	}
	return stages
}

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
