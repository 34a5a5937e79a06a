package sshstate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/planner/state"
	"viver/planner/state/statetest"
)

// TestLostStateIsWaitedForOnce: a state that nobody gets to any more is waited for twice its lease, however many changes there are, and whether
// connections are refused or nothing is heard.
func TestLostStateIsWaitedForOnce(t *testing.T) {
	for name, deaf := range map[string]bool{"refused": false, "nothing heard": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := newFar()
				w := opened(t, host)
				host.leave(deaf)
				start := time.Now()
				for n := range 5 {
					err := w.Append(state.Change{Put: statetest.Instance(1+n, "pc")})
					if err == nil || !strings.Contains(err.Error(), "could not be taken up again") {
						t.Fatalf("change %d: %v", n, err)
					}
				}
				_ = w.Close()
				if took := time.Since(start); took < 2*DefaultLease || took > 2*DefaultLease+answerTimeout {
					t.Errorf("all took %s", took)
				}
				if tries := host.tried(); tries < 2 {
					t.Errorf("it was tried %d times", tries)
				}
			})
		})
	}
}

// TestSignOfLifeFindsTheLoss: when there is something to write after a loss that was noticed long before, that fails at once.
func TestSignOfLifeFindsTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := newFar()
		w := opened(t, host)
		host.leave(false)
		time.Sleep(3 * DefaultLease)
		tries, start := host.tried(), time.Now()
		host.back()
		if err := w.Append(state.Change{Put: statetest.Instance(1, "pc")}); err == nil {
			t.Error("a state that was given up is written: somebody else may have had it")
		}
		_ = w.Close()
		if host.tried() != tries || time.Since(start) > 0 {
			t.Errorf("it was tried %d times more, for %s", host.tried()-tries, time.Since(start))
		}
	})
}

// TestShortAbsence: who comes back within two leases has lost nothing.
func TestShortAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := newFar()
		w := opened(t, host)
		host.leave(false)
		time.AfterFunc(DefaultLease, host.back)
		for n := range 3 {
			if err := w.Append(state.Change{Put: statetest.Instance(1+n, "pc")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		s, err := state.NewBackend(&Folder{Host: host, Path: "x", Name: "ssh://far"}).Read(t.Context())
		if err != nil || len(s.Instances) != 4 {
			t.Errorf("%d instances, %v", len(s.Instances), err)
		}
	})
}

// TestCloseEndsTheWait: whoever closes a disk does not wait for a sign of life that is on its way.
func TestCloseEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := newFar()
		d, err := (&Folder{Host: host, Path: "x", Name: "ssh://far"}).Lock(t.Context(), "viver apply")
		if err != nil {
			t.Fatal(err)
		}
		host.leave(true)
		time.Sleep(DefaultLease + answerTimeout) // the sign of life has failed, and makes a new session
		start := time.Now()
		if _ = d.Close(); time.Since(start) > 0 {
			t.Errorf("closing took %s", time.Since(start))
		}
	})
}

// opened is a state with one instance, open.
func opened(t *testing.T, host *far) state.Writer {
	t.Helper()
	w, err := host.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(state.Change{Put: statetest.Instance(0, "pc")}); err != nil {
		t.Fatal(err)
	}
	return w
}
