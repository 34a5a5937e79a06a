package main

import (
	"slices"
	"testing"

	"viver/testing/links"
)

func wished(nodes string, systems, modes []string) wish {
	return wish{
		nodes: nodes, rate: 100 * links.Mbit, stormRate: 20 * links.Mbit, localMbit: "1000,10000", stormNodes: "60", systems: systems, modes: modes,
	}
}

func TestContests(t *testing.T) {
	list, err := wished("1,32", []string{viver, nbdkit}, []string{cold, warm, storm, joinStorm, local}).contests()
	want := []contest{
		{viver, cold, 1, 100 * links.Mbit},
		{nbdkit, cold, 1, 100 * links.Mbit},
		{viver, cold, 32, 50 * links.Mbit},
		{viver, warm, 32, 50 * links.Mbit},
		{nbdkit, cold, 32, 50 * links.Mbit},
		{viver, storm, 60, 20 * links.Mbit},
		{viver, joinStorm, 60, 20 * links.Mbit},
		{nbdkit, storm, 60, 20 * links.Mbit},
		{viver, local, 1, 1000 * links.Mbit},
		{viver, local, 1, 10000 * links.Mbit},
	}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%v: %v", list, err)
	}
	list, err = wished("8", []string{nbdkit}, []string{storm}).contests()
	if err != nil || !slices.Equal(list, []contest{{nbdkit, storm, 60, 20 * links.Mbit}}) {
		t.Errorf("%v: %v", list, err)
	}
}

func TestContestsRefuses(t *testing.T) {
	none := wished("1", []string{viver}, []string{local}) // it needs both systems
	few := wished("1", []string{viver}, []string{storm})
	few.stormNodes = "60,1"
	odd := wished("1", []string{viver, nbdkit}, []string{local})
	odd.localMbit = "1000,"
	for _, bad := range []wish{
		wished("0", []string{viver}, []string{cold}), wished("x", []string{viver}, []string{cold}), wished("1", []string{"nfs"}, []string{cold}),
		wished("1", []string{viver}, []string{"hot"}), wished("1", []string{viver}, []string{hit}), none, few, odd,
	} {
		if list, err := bad.contests(); err == nil {
			t.Errorf("%+v was taken: %v", bad, list)
		}
	}
}
