package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"viver/testing/links"
)

// Systems and modes. What is asked for by the name local are four contests in one room.
const (
	viver  = "viver"
	nbdkit = "nbdkit"

	cold      = "cold"
	warm      = "warm"
	storm     = "storm"
	joinStorm = "storm-join"
	local     = "local"

	hit    = "hit"
	miss   = "miss"
	direct = "direct"
)

// contest is one measurement.
type contest struct {
	system, mode string
	nodes        int
	rate         links.Rate // 0: nothing goes over a line
}

// wish says which contests there are to be.
type wish struct {
	nodes           string
	rate, stormRate links.Rate
	stormNodes      int
	localMbit       string
	systems, modes  []string
}

func (w wish) contests() (list []contest, err error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	for _, text := range strings.Split(w.nodes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 200 {
			return nil, fmt.Errorf("-nodes %s: want numbers of nodes, 1 to 200", w.nodes)
		}
		list = append(list, w.through(n)...)
	}
	for _, s := range w.systems {
		for _, m := range w.modes {
			if m == storm || m == joinStorm && s == viver {
				list = append(list, contest{s, m, w.stormNodes, w.stormRate})
			}
		}
	}
	if slices.Contains(w.modes, local) && slices.Contains(w.systems, viver) && slices.Contains(w.systems, nbdkit) {
		beside, err := w.local()
		if err != nil {
			return nil, err
		}
		list = append(list, beside...)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("-systems %s has no contest in -modes %s", strings.Join(w.systems, ","), strings.Join(w.modes, ","))
	}
	return list, nil
}

func (w wish) check() error {
	for _, s := range w.systems {
		if s != viver && s != nbdkit {
			return fmt.Errorf("-systems: there is no %q; want some of %s, %s", s, viver, nbdkit)
		}
	}
	for _, m := range w.modes {
		if known := []string{cold, warm, storm, joinStorm, local}; !slices.Contains(known, m) {
			return fmt.Errorf("-modes: there is no %q; want some of %s", m, strings.Join(known, ", "))
		}
	}
	if w.stormNodes < 2 || w.stormNodes > 200 {
		return fmt.Errorf("-storm-nodes %d: want 2 to 200", w.stormNodes)
	}
	return nil
}

// through are the contests in which n nodes read all data through. A plain server has no modes: it is always cold.
func (w wish) through(n int) (list []contest) {
	rate := w.rate
	if n > 16 {
		rate /= 2
	}
	for _, s := range w.systems {
		if s == nbdkit && (slices.Contains(w.modes, cold) || slices.Contains(w.modes, warm)) {
			list = append(list, contest{s, cold, n, rate})
		}
		for _, m := range w.modes {
			if s == viver && (m == cold || m == warm && n > 1) {
				list = append(list, contest{s, m, n, rate})
			}
		}
	}
	return list
}

// local are the contests on one machine, one for each rate. Their hits, which no line has a part in, count together.
func (w wish) local() (list []contest, err error) {
	for _, text := range strings.Split(w.localMbit, ",") {
		mbit, err := strconv.ParseInt(text, 10, 64)
		if err != nil || mbit < 1 || mbit > 100_000 {
			return nil, fmt.Errorf("-local-mbit %s: want rates of 1 to 100000 Mbit/s", w.localMbit)
		}
		list = append(list, contest{viver, local, 1, links.Rate(mbit) * links.Mbit})
	}
	return list, nil
}
