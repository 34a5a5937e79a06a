package main

import (
	"strings"
	"testing"
	"time"
)

func TestMeasure(t *testing.T) {
	fake := program{name: "viver", path: "/bin/sh", files: viverFiles, patience: time.Minute, args: []string{"-c", "ls main.viver.hcl && echo Plan: 1"}}
	slow, silent := fake, fake
	slow.name, slow.patience, slow.args = "slow", 50*time.Millisecond, []string{"-c", "exec sleep 5"}
	silent.name, silent.args = "silent", []string{"-c", "true"}
	plans, err := measureAll(t.Context(), []program{fake, slow, silent}, []kase{{single, 500, true}, {single, 1000, true}, {pairs, 10, false}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plans {
		got = append(got, strings.Join([]string{p.Program, p.Case, p.Failure}, "|"))
	}
	want := "viver|each refers to one| slow|each refers to one|not done after 50ms silent|each refers to one|it made no plan: " +
		" viver|each refers to one| slow|each refers to one|not tried: a smaller one took too long silent|each refers to one|not tried: a smaller one took too long" +
		" viver|pairs by each.key|"
	if strings.Join(got, " ") != want {
		t.Errorf("%q", got)
	}
	if plans[0].Rounds != 2 || plans[0].RSSMB <= 0 || plans[0].WallSeconds <= 0 {
		t.Errorf("%+v", plans[0])
	}
	if _, err := measureAll(t.Context(), []program{silent}, []kase{{single, 500, true}}, 1); err == nil {
		t.Error("a viver that makes no plan is no error")
	}
}

func TestJudge(t *testing.T) {
	r := Report{Plans: []Plan{
		{Case: single, Instances: 5000, Program: "viver", WallSeconds: 0.4, RSSMB: 160},
		{Case: single, Instances: 1000, Program: "viver", MicrosecondsEach: 10},
		{Case: single, Instances: 10000, Program: "viver", MicrosecondsEach: 11},
	}}
	r.judge()
	if len(r.Targets) != 3 || !r.Targets[0].Reached || r.Targets[1].Reached || !r.Targets[2].Reached {
		t.Errorf("%+v", r.Targets)
	}
}

func TestApplyRoom(t *testing.T) {
	took, err := applyOnce(t.Context(), t, 5, 3)
	if err != nil || took <= 0 {
		t.Error(took, err)
	}
}
