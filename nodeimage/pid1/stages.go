package pid1

import (
	"time"

	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

// stages notes when stages of the boot were reached, on a clock that is not set meanwhile.
type stages []stage

type stage struct {
	name spec.Stage
	at   time.Duration // since the machine was started
}

func (s *stages) reached(name spec.Stage) { *s = append(*s, stage{name, network.Now()}) }

// times returns the stages by the machine's present clock.
func (s stages) times(now time.Time, sinceStart time.Duration) []spec.StageTime {
	var list []spec.StageTime
	for _, e := range s {
		list = append(list, spec.StageTime{Stage: e.name, At: now.Add(e.at - sinceStart).UTC()})
	}
	return list
}
