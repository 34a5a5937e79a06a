package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// errNoIssuer is why a server gives out no passports.
var errNoIssuer = errors.New("agent: this server was set up by an earlier version and cannot sign passports: apply again")

// addPassport gives a machine that was let in a passport, if it wants one. Without one it boots all the same.
func (g *registrar) addPassport(response *spec.JoinResponse, publicKey []byte) {
	if publicKey == nil {
		return
	}
	p, err := g.sign(response.Node.Name, publicKey)
	if err != nil {
		g.log.Warn("a machine got no passport", "node", response.Node.Name, "error", err)
		return
	}
	response.Passport = p
}

// renew gives a machine that has joined another passport.
func (g *registrar) renew(request spec.PassportRequest) (*spec.Passport, error) {
	name, key, err := g.roster.Holder(request)
	if err != nil {
		return nil, err
	}
	return g.sign(name, key)
}

func (g *registrar) sign(name string, publicKey []byte) (*spec.Passport, error) {
	if g.issuer == nil {
		return nil, errNoIssuer
	}
	return g.issuer.Sign(name, publicKey, time.Now())
}

const (
	// renewTime bounds asking all servers for a passport.
	renewTime = 30 * time.Second
	// renewRetry is the pause after no server gave one: short, for when servers come back after long, all machines should have theirs before
	// those that have begin to refuse the others.
	renewRetry = 15 * time.Second
)

// clerk is who gives out passports: a *join.Client.
type clerk interface {
	Passport(ctx context.Context, request spec.PassportRequest) (*spec.Passport, error)
}

// renewer sees to it that the machine always has a passport that is good.
type renewer struct {
	client clerk
	mac    string
	token  func() string
	keep   func(spec.Passport) error // nil: the machine wants none
	log    *slog.Logger
	next   chan time.Time // when one that came by joining again is to be renewed
	silent bool           // no server gave one the last time, which was said
}

func newRenewer(c NodeConfig, log *slog.Logger, p *progress) *renewer {
	return &renewer{
		client: c.Client, mac: c.Request.MAC, token: func() string { return p.joined().Token }, keep: c.KeepPassport, log: log,
		next: make(chan time.Time, 1),
	}
}

// run asks for another passport before the present one expires, until ctx ends. A machine that has none gets one only by joining again.
func (r *renewer) run(ctx context.Context, present *spec.Passport) {
	var due <-chan time.Time // never
	if present != nil {
		due = after(passport.RenewAt(*present))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-r.next:
			due = after(at)
		case <-due:
			due = after(r.ask(ctx))
		}
	}
}

// after gets something at that time, and at the latest when a passport that is signed now is due: the clock may be wrong.
func after(at time.Time) <-chan time.Time {
	return time.After(min(time.Until(at), passport.Renew))
}

// ask asks the servers, and returns when they are to be asked again.
func (r *renewer) ask(ctx context.Context) time.Time {
	within, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	p, err := r.client.Passport(within, spec.PassportRequest{MAC: r.mac, Token: r.token()})
	if err == nil {
		return r.take(*p)
	}
	if ctx.Err() == nil && !r.silent {
		r.log.Warn("no server gives this machine another passport; it goes on with the old one", "error", err)
		r.silent = true
	}
	return time.Now().Add(renewRetry) // a server that does not know the machine says so to its reports as well, and then it joins again
}

// take keeps a passport, and returns when another is wanted.
func (r *renewer) take(p spec.Passport) time.Time {
	if err := r.keep(p); err != nil {
		r.log.Error("a new passport cannot be kept", "error", err)
		return time.Now().Add(renewRetry)
	}
	r.silent = false
	return passport.RenewAt(p)
}

// joined takes the passport out of the answer to joining again. It is for one goroutine at a time, beside that of run.
func (r *renewer) joined(response *spec.JoinResponse) {
	p := response.Passport
	response.Passport = nil
	if p == nil || r.keep == nil {
		return
	}
	if err := r.keep(*p); err != nil {
		r.log.Error("a new passport cannot be kept", "error", err)
		return
	}
	select {
	case <-r.next: // of a passport before this one
	default:
	}
	r.next <- passport.RenewAt(*p)
}
