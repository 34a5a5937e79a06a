// Package agent is viver-node as others see it over the network: on a server, and on each diskless node once its root is mounted.
//
// It is wiring only. It owns the operator's requests (spec.Op) over SSH, the HTTPS interface by which machines join, deputies, which are
// nodes that serve that interface while no server can be reached, what a node does between the start of its init and `joined`, and the folders in which a server keeps all that. The parts stand elsewhere:
// SSH in package sshd, figures for Prometheus in metrics, units in supervise, what is known of machines in roster, mDNS in discovery, images in imagestore.
package agent

import (
	"context"

	"viver/nodeimage/spec"
)

// StepRunner takes steps on this machine. Run calls emit once for each step, in order and from one goroutine; its error says that
// the run itself failed. mode is check, apply or undo. It need not be safe for concurrent use: the agent runs one at a time.
type StepRunner interface {
	Run(ctx context.Context, mode string, steps []spec.Step, emit func(spec.StepResult)) error
}
