package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"viver/nodeimage/passport"
	"viver/nodeimage/spec"
)

// traveller lets a machine join that wants a passport, and returns the key to it.
func (b *booted) traveller(t *testing.T) (key string) {
	t.Helper()
	public, key, err := passport.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	b.config.Request.BootID = strings.Replace(testBootID, "1", "2", 1)
	b.config.Request.PublicKey = public
	b.join(t)
	return key
}

func (b *booted) holds(t *testing.T, key string, p *spec.Passport) {
	t.Helper()
	if p == nil {
		t.Fatal("there is no passport")
	}
	if _, err := passport.NewHolder(b.config.Bundle.Cluster, b.config.Bundle.Trust, key, *p, nil); err != nil {
		t.Error(err)
	}
}

func TestMachinesGetPassports(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	if b.config.Passport != nil {
		t.Error("a machine that shows no key got a passport")
	}
	key := b.traveller(t)
	b.holds(t, key, b.config.Passport)
	request := spec.PassportRequest{MAC: testMAC, Token: b.config.Joined.Token}
	renewed, err := b.config.Client.Passport(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	b.holds(t, key, renewed)
	if renewed.Chain == b.config.Passport.Chain {
		t.Error("it is the same one again")
	}
	request.Token = "guessed"
	if _, err := b.config.Client.Passport(t.Context(), request); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("with a wrong token: %v", err)
	}
}

// A machine that the server has forgotten joins again, and gets another passport with that.
func TestJoiningAgainBringsAPassport(t *testing.T) {
	w := newWorld(t)
	b := w.boot(t)
	key := b.traveller(t)
	kept := make(chan spec.Passport, 1)
	b.config.KeepPassport = func(p spec.Passport) error { kept <- p; return nil }
	addr, _ := b.run(t, t.Context())
	w.seen(t, at(spec.StageJoined))
	w.forget(t, "pc01", spec.NodeSpec{Name: "pc01", Image: b.config.Bundle.Image})
	nudge(w.dial(t, addr))
	p := <-kept
	b.holds(t, key, &p)
}

// A server that was set up by an earlier version lets machines in as ever.
func TestEarlierIdentitySignsNoPassports(t *testing.T) {
	w := &world{authority: newAuthority(), dir: t.TempDir(), joinAddr: "127.0.0.1:0"}
	w.identify(t, w.dir)
	for _, name := range []string{"passport.crt", "passport.key", "gossip.key"} {
		if err := os.Remove(filepath.Join(w.dir, spec.IdentityDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.start(t)
	var status spec.AgentStatus
	if _, err := ask(t, w.operator, spec.OpStatus, nil, &status); err != nil || status.Passports {
		t.Errorf("%+v, %v", status, err)
	}
	b := w.boot(t)
	b.traveller(t)
	if b.config.Passport != nil {
		t.Error("where does this passport come from?")
	}
	_, err := b.config.Client.Passport(t.Context(), spec.PassportRequest{MAC: testMAC, Token: b.config.Joined.Token})
	if err == nil || !strings.Contains(err.Error(), "apply again") {
		t.Errorf("%v", err)
	}
}

// fakeClerk is a renewer's server.
type fakeClerk struct {
	asked chan time.Time
	fail  error
}

func (c *fakeClerk) Passport(context.Context, spec.PassportRequest) (*spec.Passport, error) {
	c.asked <- time.Now()
	return &spec.Passport{}, c.fail
}

func TestPassportsAreRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := &fakeClerk{asked: make(chan time.Time), fail: errors.New("nobody is there")}
		kept := 0
		r := &renewer{client: c, token: func() string { return "" }, keep: func(spec.Passport) error { kept++; return nil }, log: slog.New(slog.DiscardHandler), next: make(chan time.Time, 1)}
		began := time.Now()
		go r.run(ctx, nil)
		r.next <- began.Add(passport.Renew) // of one that came by joining
		if got := (<-c.asked).Sub(began); got != passport.Renew {
			t.Errorf("asked after %v", got)
		}
		if got := (<-c.asked).Sub(began); got != passport.Renew+renewRetry {
			t.Errorf("after a failure asked after %v", got)
		}
		r.next <- began.AddDate(100, 0, 0) // the clock is wrong
		if got := (<-c.asked).Sub(began); got > 2*passport.Renew+renewRetry {
			t.Errorf("with a wrong clock asked after %v", got)
		}
		if kept != 0 {
			t.Errorf("%d passports came of nothing", kept)
		}
	})
}
