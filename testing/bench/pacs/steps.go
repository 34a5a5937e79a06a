package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// stepsEach is how many steps are taken on each PC.
const stepsEach = 20

// Steps is how long it took to take steps on so many PCs of a classroom in which all else is in place: a whole `viver apply`, which looks at everything
// first.
type Steps struct {
	Nodes   int       `json:"nodes"`
	Seconds float64   `json:"seconds"` // the median
	Each    []float64 `json:"seconds_of_each_round"`
}

// steps measures the same steps on one PC, on two, and so on up to all.
func (c *classroom) steps(ctx context.Context, rounds int) (list []Steps, err error) {
	for n := 1; n <= len(c.pcs); n++ {
		say("%d steps on %d PCs", stepsEach, n)
		s := Steps{Nodes: n}
		for round := range rounds + 1 {
			seconds, err := c.change(ctx, n, fmt.Sprintf("round %d of %d", round, n))
			if err != nil {
				return nil, err
			}
			if round > 0 { // the first one makes them
				s.Each = append(s.Each, seconds)
			}
		}
		s.Seconds = median(s.Each)
		list = append(list, s)
	}
	return list, nil
}

// change gives files on the first n PCs this content.
func (c *classroom) change(ctx context.Context, n int, content string) (seconds float64, err error) {
	var text strings.Builder
	for i := range stepsEach {
		fmt.Fprintf(&text, `step "file" "measured_%02d" {
  on      = slice(values(node.pc), 0, %d)
  path    = "/run/measured/%02d"
  content = "%s, for ${self.name}\n"
}
`, i, n, i, content)
	}
	if err := c.write("measured.viver.hcl", text.String()); err != nil {
		return 0, err
	}
	begin, done := time.Now(), 0
	if err := c.apply(ctx, func(event) error { done++; return nil }); err != nil {
		return 0, err
	}
	if done != n*stepsEach {
		return 0, fmt.Errorf("%d steps were taken, and not %d", done, n*stepsEach)
	}
	return time.Since(begin).Seconds(), nil
}
