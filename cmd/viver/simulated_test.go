package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
)

// simulated are types whose things are files in a folder, named by their addresses. A file ADDRESS.fails there has the error with
// which making or removing the thing fails; a file ADDRESS.slow lets that wait for its removal, and ADDRESS.deaf too, whoever
// cancels it. With a file ADDRESS.clings the thing is removed only by force.
func simulated(world string) []resource.Type {
	text := &resource.Attribute{Type: cty.String}
	address := func(v cty.Value) error {
		if strings.Contains(v.AsString(), "!") {
			return fmt.Errorf("%q has a ! in it", v.AsString())
		}
		return nil
	}
	return []resource.Type{
		&simulatedType{world, "server", &resource.Schema{Attributes: map[string]*resource.Attribute{
			"address": {Type: cty.String, Required: true, Check: address}, "id": {Type: cty.String, Computed: true},
		}}},
		&simulatedType{world, "node", &resource.Schema{Waits: true, Attributes: map[string]*resource.Attribute{
			"boot": {Type: cty.DynamicPseudoType, Refers: []string{"server"}}, "name": {Type: cty.String, Unique: true},
		}}},
		&simulatedStep{simulatedType{world, "step.file", &resource.Schema{Attributes: map[string]*resource.Attribute{
			"path": {Type: cty.String, Required: true}, "content": text,
		}}}},
	}
}

type simulatedType struct {
	world, name string
	schema      *resource.Schema
}

func (s *simulatedType) Name() string             { return s.name }
func (s *simulatedType) Schema() *resource.Schema { return s.schema }

func (s *simulatedType) Apply(ctx context.Context, r resource.ApplyRequest) (map[string]cty.Value, error) {
	r.Report(resource.Progress{Stage: "joined", Detail: "came up"})
	return s.put(ctx, r.Addr, r.Config)
}

func (s *simulatedType) put(ctx context.Context, at string, config cty.Value) (map[string]cty.Value, error) {
	if err := s.obstacle(ctx, at); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(s.world, at), []byte(config.GoString()), 0o644); err != nil {
		return nil, err
	}
	if s.schema.Attributes["id"] == nil {
		return map[string]cty.Value{}, nil
	}
	return map[string]cty.Value{"id": cty.StringVal("id of " + at)}, nil
}

func (s *simulatedType) obstacle(ctx context.Context, at string) error {
	there := func(end string) bool {
		_, err := os.Stat(filepath.Join(s.world, at+end))
		return err == nil
	}
	if there(".deaf") {
		ctx = context.WithoutCancel(ctx)
	}
	if there(".deaf") || there(".slow") {
		os.WriteFile(filepath.Join(s.world, at+".waits"), nil, 0o644)
		if err := untilFiles(ctx, s.world, func() bool { return !there(".deaf") && !there(".slow") }); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(filepath.Join(s.world, at+".fails"))
	if err != nil {
		return nil
	}
	return errors.New(strings.TrimSpace(string(text)))
}

func (s *simulatedType) Destroy(ctx context.Context, r resource.DestroyRequest) error {
	if err := s.obstacle(ctx, r.Addr); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.world, r.Addr+".clings")); err == nil && !r.Force {
		return errors.New("others need it")
	}
	return os.RemoveAll(filepath.Join(s.world, r.Addr))
}

// Read finds a thing gone when its file is; a file ADDRESS.silent says why it cannot be asked.
func (s *simulatedType) Read(_ context.Context, requests []resource.ReadRequest) []resource.Observation {
	found := make([]resource.Observation, len(requests))
	for i, r := range requests {
		if why, err := os.ReadFile(filepath.Join(s.world, r.Addr+".silent")); err == nil {
			found[i] = resource.Observation{Status: resource.Unreachable, Reason: strings.TrimSpace(string(why))}
			continue
		}
		if _, err := os.Stat(filepath.Join(s.world, r.Addr)); err != nil {
			found[i] = resource.Observation{Status: resource.Absent, Reason: "no file"}
		}
	}
	return found
}

type simulatedStep struct{ simulatedType }

func (s *simulatedStep) ApplyBatch(ctx context.Context, b resource.Batch, done func(int, map[string]cty.Value, error)) {
	failed := false
	for i, m := range b.Members {
		switch {
		case failed:
			done(i, nil, resource.ErrSkipped)
		case m.Action == resource.Delete:
			done(i, nil, os.Remove(filepath.Join(s.world, m.Addr)))
		default:
			b.Report(i, resource.Progress{Detail: fmt.Sprintf("%s on %s", m.Addr, b.Machine.GetAttr("addr").AsString()), Output: true})
			computed, err := s.put(ctx, m.Addr, m.Config)
			failed = err != nil
			done(i, computed, err)
		}
	}
}
