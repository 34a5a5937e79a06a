package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"viver/nodeimage/spec"
)

// progress is how far this boot has got, and what a server last made of the machine. It lies in a file in RAM, so that an agent that
// takes over from one that died neither moves the times of stages nor takes steps twice. It is safe for concurrent use.
type progress struct {
	path string

	mu sync.Mutex // guards the rest and the file
	progressDocument
}

type progressDocument struct {
	Boot  []spec.StageTime  `json:"boot"`
	Steps []spec.StepResult `json:"steps"`
	// Joined is what a server answered when the machine joined, or joined again.
	Joined spec.JoinResponse `json:"joined"`
	// Taken are the steps that are in place, and As is the name of the node whose they are.
	Taken []spec.Step `json:"taken"`
	As    string      `json:"as"`
}

// openProgress reads the file in dir, or begins with these stages and this answer.
func openProgress(dir string, boot []spec.StageTime, joined spec.JoinResponse) (*progress, error) {
	p := &progress{path: filepath.Join(dir, "progress.json")}
	data, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		p.Boot, p.Joined = slices.Clone(boot), joined
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if err := spec.Decode(data, &p.progressDocument); err != nil {
		return nil, fmt.Errorf("agent: %s: %w", p.path, err)
	}
	return p, nil
}

func (p *progress) has(s spec.Stage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.Boot, func(t spec.StageTime) bool { return t.Stage == s })
}

// reached notes a stage. One that was reached before keeps its time.
func (p *progress) reached(s spec.Stage, at time.Time) (spec.StageTime, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.Boot {
		if t.Stage == s {
			return t, nil
		}
	}
	t := spec.StageTime{Stage: s, At: at.UTC()}
	p.Boot = append(p.Boot, t)
	slices.SortStableFunc(p.Boot, func(a, b spec.StageTime) int { return a.Stage.Order() - b.Stage.Order() })
	return t, p.save()
}

func (p *progress) stages() []spec.StageTime {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.Boot)
}

func (p *progress) stage() spec.Stage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return spec.Machine{Boot: p.Boot}.Stage()
}

func (p *progress) stepResults() []spec.StepResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.Steps)
}

// answered notes that the machine has joined again.
func (p *progress) answered(joined spec.JoinResponse) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Joined = joined
	return p.save()
}

func (p *progress) joined() spec.JoinResponse {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Joined // its lists are replaced, never changed
}

// save writes the file; p.mu is held.
func (p *progress) save() error {
	data, err := json.Marshal(p.progressDocument)
	if err == nil {
		err = renameio.WriteFile(p.path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("agent: note how far the boot is: %w", err)
	}
	return nil
}
