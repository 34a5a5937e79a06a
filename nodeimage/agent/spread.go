package agent

import (
	"context"
	"errors"
	"log/slog"

	"viver/nodeimage/field/door"
	"viver/nodeimage/spec"
)

// maxServers bounds how many servers' lists are kept.
const maxServers = 32

// library is where images are learned of: a *join.Client.
type library interface {
	Images(ctx context.Context, server string) (*spec.ReportResponse, error)
	Manifest(ctx context.Context, id spec.Digest) ([]byte, error)
}

// spreader has the machine's member of V-FIELD hold all images that servers have, so that a new one is in the memory of the machines before
// one of them starts from it. It drops those that no server has any more and nobody runs.
type spreader struct {
	library library
	servers []spec.Server // of the bundle
	member  Field
	log     *slog.Logger
	answers chan *spec.ReportResponse // the latest that is not taken notice of yet

	// What follows is for the goroutine of run.
	lists    map[string][]spec.Digest // what each server said last in this boot, by its name
	unlisted map[spec.Digest]int      // for how many rounds
	trouble  string                   // what was said last of a round that failed
}

func newSpreader(c NodeConfig, log *slog.Logger) *spreader {
	return &spreader{
		library: c.Client, servers: c.Bundle.Servers, member: c.Field, log: log, answers: make(chan *spec.ReportResponse, 1),
		lists: make(map[string][]spec.Digest), unlisted: make(map[spec.Digest]int),
	}
}

// told notes what a server answered to a report; nil: nothing. It does not wait.
func (s *spreader) told(r *spec.ReportResponse) {
	if r == nil {
		return
	}
	select { // only the reporter calls it, one report at a time
	case <-s.answers:
	default:
	}
	s.answers <- r
}

// run follows what servers say until ctx ends.
func (s *spreader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-s.answers:
			if err := s.round(ctx, r); ctx.Err() == nil {
				s.complain(err)
			}
		}
	}
}

// complain says what is wrong, once.
func (s *spreader) complain(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != s.trouble && err != nil {
		s.log.Warn("this machine does not hold the images that it should", "error", err)
	}
	s.trouble = text
}

// round takes notice of an answer, and does what follows from all of them. A machine that is no member yet waits for the next.
func (s *spreader) round(ctx context.Context, r *spec.ReportResponse) error {
	s.keep(r)
	status, err := s.member.Status()
	if errors.Is(err, door.ErrNoMember) {
		return nil
	}
	if err != nil {
		return err
	}
	s.askOthers(ctx, r.Server)
	return errors.Join(s.hold(ctx, status, r.Images), s.drop(status))
}

// keep keeps a server's list. Those that are too many or too long are not listened to in full.
func (s *spreader) keep(r *spec.ReportResponse) {
	if _, known := s.lists[r.Server]; known || len(s.lists) < maxServers {
		s.lists[r.Server] = r.Images[:min(len(r.Images), maxListed)]
	}
}

// askOthers asks the servers of the bundle that did not get the report. What those said last that do not answer stands.
func (s *spreader) askOthers(ctx context.Context, but string) {
	for _, server := range s.servers {
		if server.Join == "" || server.Name == but {
			continue
		}
		if r, err := s.library.Images(ctx, server.Join); err == nil {
			s.keep(r)
		}
	}
}
