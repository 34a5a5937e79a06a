package agent

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"viver/nodeimage/overlay"
	"viver/nodeimage/spec"
)

func TestTheServerHearsOfAFullRoot(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	var used atomic.Int64
	used.Store(90)
	b.config.Changes = &overlay.Watch{Dir: t.TempDir(), Every: time.Millisecond, Statfs: func(string) (overlay.Usage, error) {
		return overlay.Usage{Used: used.Load(), Size: 100}, nil
	}}
	_, ended := b.run(t, t.Context())
	m := w.seen(t, func(m spec.Machine) bool { return len(m.Warnings) > 0 })
	if !strings.Contains(m.Warnings[0], "90 %") {
		t.Errorf("%q", m.Warnings)
	}
	used.Store(10)
	w.seen(t, func(m spec.Machine) bool { return len(m.Warnings) == 0 })
	close(b.leaving)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.seen(t, at(spec.StageLeft))
}
