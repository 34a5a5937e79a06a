// Package graph holds directed acyclic graphs of numbered vertices and walks them, as many vertices at once as are allowed. It
// knows nothing of what the vertices do.
package graph

import "slices"

// Graph is a set of vertices, numbered densely from 0, and of edges that say what comes before what. The zero value is empty and
// ready to use. It may be read from many goroutines, but not while it is being built.
type Graph struct {
	before [][]int // for each vertex, those that must be done before it; sorted once
}

// CycleError says that vertices wait for each other. Path names each of them once; each comes before the next, the last before the first.
type CycleError struct{ Path []int }

func (e *CycleError) Error() string { return "graph: the vertices form a cycle" }

// Add makes a vertex and returns its number.
func (g *Graph) Add() int {
	g.before = append(g.before, nil)
	return len(g.before) - 1
}

// Len is the number of vertices.
func (g *Graph) Len() int { return len(g.before) }

// Edge says that first comes before then. An edge of a vertex to itself, and one that is there already, change nothing.
func (g *Graph) Edge(first, then int) {
	if first == then {
		return
	}
	list := g.before[then]
	if i, found := slices.BinarySearch(list, first); !found {
		g.before[then] = slices.Insert(list, i, first)
	}
}

// Before returns the vertices that come directly before v, in order of their numbers. The caller must not change it.
func (g *Graph) Before(v int) []int { return g.before[v] }

// Ancestors returns all vertices that must be done before v, for each true.
func (g *Graph) Ancestors(v int) []bool {
	found := make([]bool, g.Len())
	todo := []int{v}
	for len(todo) > 0 {
		v, todo = todo[len(todo)-1], todo[:len(todo)-1]
		for _, b := range g.before[v] {
			if !found[b] {
				found[b] = true
				todo = append(todo, b)
			}
		}
	}
	return found
}

// Order returns all vertices so that each comes after those before it, smaller numbers first where there is a choice, or a *CycleError.
func (g *Graph) Order() ([]int, error) {
	waiting, after := g.count()
	var ready queue
	for v, n := range waiting {
		if n == 0 {
			ready.push(v)
		}
	}
	order := make([]int, 0, g.Len())
	for ready.Len() > 0 {
		v := ready.pop()
		order = append(order, v)
		for _, next := range after[v] {
			if waiting[next]--; waiting[next] == 0 {
				ready.push(next)
			}
		}
	}
	if len(order) < g.Len() {
		return nil, &CycleError{Path: g.cycle(waiting)}
	}
	return order, nil
}

// count returns how many vertices each one waits for, and who waits for it.
func (g *Graph) count() (waiting []int, after [][]int) {
	waiting, after = make([]int, g.Len()), make([][]int, g.Len())
	for v, list := range g.before {
		waiting[v] = len(list)
		for _, b := range list {
			after[b] = append(after[b], v)
		}
	}
	return waiting, after
}

// cycle finds one cycle among the vertices that still wait: each of them has another one before it, so going back must meet
// one a second time.
func (g *Graph) cycle(waiting []int) []int {
	at := slices.IndexFunc(waiting, func(n int) bool { return n > 0 })
	seen := map[int]int{}
	var path []int
	for {
		if start, again := seen[at]; again {
			path = path[start:]
			slices.Reverse(path)
			return path
		}
		seen[at] = len(path)
		path = append(path, at)
		at = g.before[at][slices.IndexFunc(g.before[at], func(b int) bool { return waiting[b] > 0 })]
	}
}
