package graph

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// random makes a graph whose edges go from smaller to larger numbers, renamed at random so that numbers say nothing of the order.
func random(r *rand.Rand, n int) *Graph {
	g := &Graph{}
	for range n {
		g.Add()
	}
	name := r.Perm(n)
	for range 2 * n {
		a, b := r.IntN(n), r.IntN(n)
		g.Edge(name[min(a, b)], name[max(a, b)])
	}
	return g
}

func TestOrderPutsEachVertexAfterThoseBeforeIt(t *testing.T) {
	for seed := range uint64(50) {
		g := random(rand.New(rand.NewPCG(seed, 1)), 40)
		order, err := g.Order()
		if err != nil {
			t.Fatal(err)
		}
		for v := range g.Len() {
			for _, b := range g.Before(v) {
				if slices.Index(order, b) > slices.Index(order, v) {
					t.Fatalf("seed %d: %d stands before %d in %v", seed, v, b, order)
				}
			}
		}
	}
}

func TestAncestors(t *testing.T) {
	g := random(rand.New(rand.NewPCG(7, 1)), 40)
	for v := range g.Len() {
		after := reach(g, v)
		for w := range g.Len() {
			if g.Ancestors(w)[v] != after[w] {
				t.Errorf("%d comes before %d: %v, but Ancestors says %v", v, w, after[w], !after[w])
			}
		}
	}
}

func TestOrderNamesTheCycle(t *testing.T) {
	g := &Graph{}
	for range 5 {
		g.Add()
	}
	for _, e := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}} {
		g.Edge(e[0], e[1])
	}
	_, err := g.Order()
	var cycle *CycleError
	if !errors.As(err, &cycle) {
		t.Fatalf("got %v", err)
	}
	if len(cycle.Path) != 3 {
		t.Fatalf("path %v", cycle.Path)
	}
	for i, v := range cycle.Path {
		if next := cycle.Path[(i+1)%3]; !slices.Contains(g.Before(next), v) {
			t.Errorf("path %v has no edge from %d to %d", cycle.Path, v, next)
		}
	}
	if err := g.Walk(t.Context(), Walker{}); !errors.As(err, &cycle) {
		t.Errorf("a walk of a cycle ended with %v", err)
	}
}

func TestComponents(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 4))
		g := random(r, 20)
		for range seed % 5 {
			g.Edge(r.IntN(20), r.IntN(20)) // some of these make cycles
		}
		of := g.Components()
		for v := range g.Len() {
			for w := range g.Len() {
				mutual := v == w || g.Ancestors(v)[w] && g.Ancestors(w)[v]
				if (of[v] == of[w]) != mutual {
					t.Errorf("seed %d: %d and %d are in %d and %d", seed, v, w, of[v], of[w])
				}
			}
		}
	}
}

// reach is what comes after v.
func reach(g *Graph, v int) map[int]bool {
	order, _ := g.Order()
	after := map[int]bool{}
	for _, w := range order {
		after[w] = slices.ContainsFunc(g.Before(w), func(b int) bool { return b == v || after[b] })
	}
	return after
}

func TestWalkKeepsTheOrder(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		g := random(r, 60)
		var mu sync.Mutex
		done := map[int]bool{}
		most := map[string]int{}
		busy := map[string]int{}
		limit := func(v int) (string, int) {
			return []string{"", "two", "three"}[v%3], v%3 + 1
		}
		err := g.Walk(t.Context(), Walker{Parallelism: 8, Limit: limit, Run: func(_ context.Context, v int) {
			group, _ := limit(v)
			mu.Lock()
			for _, b := range g.Before(v) {
				if !done[b] {
					t.Errorf("seed %d: %d ran before %d", seed, v, b)
				}
			}
			busy[group]++
			most[group] = max(most[group], busy[group])
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			busy[group]--
			done[v] = true
		}})
		if err != nil || len(done) != g.Len() {
			t.Fatal(err, len(done))
		}
		if most["two"] > 2 || most["three"] > 3 {
			t.Errorf("seed %d: at once there were %v", seed, most)
		}
	}
}

func TestWalkKeepsToItsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Graph{}
		for range 100 {
			g.Add()
		}
		patient := func(v int) bool { return v >= 90 }
		var mu sync.Mutex
		busy, most, waiting, mostWaiting := 0, 0, 0, 0
		start := time.Now()
		err := g.Walk(t.Context(), Walker{Parallelism: 7, Waits: patient, Run: func(_ context.Context, v int) {
			count, high := &busy, &most
			if patient(v) {
				count, high = &waiting, &mostWaiting
			}
			mu.Lock()
			*count++
			*high = max(*high, *count)
			mu.Unlock()
			time.Sleep(time.Minute)
			mu.Lock()
			*count--
			mu.Unlock()
		}})
		if err != nil {
			t.Fatal(err)
		}
		if most != 7 || mostWaiting != 10 {
			t.Errorf("%d at work and %d waiting at once, want 7 and 10", most, mostWaiting)
		}
		if took := time.Since(start); took != 13*time.Minute {
			t.Errorf("90 vertices by sevens took %v", took)
		}
	})
}

func TestWalkStops(t *testing.T) {
	for _, how := range []string{"stop", "cancel"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Graph{}
				g.Edge(g.Add(), g.Add())
				ctx, cancel := context.WithCancel(t.Context())
				stop := make(chan struct{})
				var ran []int
				err := g.Walk(ctx, Walker{Stop: stop, Run: func(_ context.Context, v int) {
					ran = append(ran, v)
					if how == "stop" {
						close(stop)
					} else {
						cancel()
					}
					time.Sleep(time.Second) // what runs is waited for
				}})
				cancel()
				if err != nil || !slices.Equal(ran, []int{0}) {
					t.Errorf("%v ran, %v", ran, err)
				}
			})
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g := random(rand.New(rand.NewPCG(1, 1)), n)
			for b.Loop() {
				if err := g.Walk(b.Context(), Walker{Parallelism: 10, Run: func(context.Context, int) {}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
