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

// boots reports whether nodes read the trace of a boot.
func (c contest) boots() bool { return c.mode == storm || c.mode == joinStorm }

// wish says which contests there are to be.
type wish struct {
	nodes           string
	rate, stormRate links.Rate
	stormNodes      string
	localMbit       string
	systems, modes  []string
}

func (w wish) contests() (list []contest, err error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	nodes, err := numbers("-nodes", w.nodes, 1, 200)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		list = append(list, w.through(n)...)
	}
	storms, err := numbers("-storm-nodes", w.stormNodes, 2, 200)
	if err != nil {
		return nil, err
	}
	for _, n := range storms {
		list = append(list, w.storms(n)...)
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
	return nil
}

// numbers reads a flag's list.
func numbers(flag, text string, least, most int) (list []int, err error) {
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("%s %s: want numbers of %d to %d", flag, text, least, most)
		}
		list = append(list, n)
	}
	return list, nil
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

// storms are the contests in which n nodes boot.
func (w wish) storms(n int) (list []contest) {
	for _, s := range w.systems {
		for _, m := range w.modes {
			if m == storm || m == joinStorm && s == viver {
				list = append(list, contest{s, m, n, w.stormRate})
			}
		}
	}
	return list
}

// local are the contests on one machine, one for each rate. Their hits, which no line has a part in, count together.
func (w wish) local() (list []contest, err error) {
	rates, err := numbers("-local-mbit", w.localMbit, 1, 100_000)
	for _, mbit := range rates {
		list = append(list, contest{viver, local, 1, links.Rate(mbit) * links.Mbit})
	}
	return list, err
}
