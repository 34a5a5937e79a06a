package e2e_test

import (
	"context"
	"testing"
)

// part is one thing that a room is seen to do.
type part struct {
	name string
	test func(t *testing.T)
}

// with gives a part its context.
func with(ctx context.Context, test func(context.Context, *testing.T)) func(*testing.T) {
	return func(t *testing.T) { test(ctx, t) }
}

// inOrder runs parts up to the first that fails: what follows builds on it.
func inOrder(t *testing.T, parts []part) {
	t.Helper()
	for _, p := range parts {
		if !t.Run(p.name, p.test) {
			return
		}
	}
}

// sideBySide runs parts that do not disturb each other at once.
func sideBySide(parts ...part) func(*testing.T) {
	return func(t *testing.T) {
		for _, p := range parts {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				p.test(t)
			})
		}
	}
}
