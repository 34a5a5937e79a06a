package network_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/pid1/network"
)

// room is a Wire without a world: links appear and servers answer when the test says so.
type room struct {
	began   time.Time
	links   func(at time.Duration) []network.Link
	ask     func(at time.Duration, iface string, hold network.Lease) (network.Lease, error)
	applied []string
}

func (r *room) Now() time.Duration             { return time.Since(r.began) }
func (r *room) Links() ([]network.Link, error) { return r.links(r.Now()), nil }

func (r *room) Ask(ctx context.Context, iface string, hold network.Lease) (network.Lease, error) {
	l, err := r.ask(r.Now(), iface, hold)
	if err != nil {
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Second):
		}
		return network.Lease{}, err
	}
	l.Interface, l.Taken = iface, r.Now()
	return l, ctx.Err()
}

func (r *room) ClaimLinkLocal(_ context.Context, iface string) (network.Lease, error) {
	return network.Lease{Interface: iface, Address: netip.MustParsePrefix("169.254.7.8/16")}, nil
}

func (r *room) Apply(former, lease network.Lease) error {
	line := lease.Interface + " " + lease.Address.String()
	if former.Address.IsValid() {
		line += " for " + former.Address.String()
	}
	r.applied = append(r.applied, line)
	return nil
}

func lease(address string) network.Lease {
	return network.Lease{
		Address: netip.MustParsePrefix(address), Server: netip.MustParseAddr("10.20.0.1"),
		Length: time.Hour, Renew: 30 * time.Minute, Rebind: 50 * time.Minute,
	}
}

var (
	errSilence = errors.New("no answer")
	quiet      = slog.New(slog.DiscardHandler)
)

func TestAcquire(t *testing.T) {
	two := []network.Link{{"eth0", "52:54:00:00:00:01", true}, {"eth1", "52:54:00:00:00:02", true}}
	onlySecond := func(_ time.Duration, iface string, _ network.Lease) (network.Lease, error) {
		if iface == "eth1" {
			return lease("10.20.0.101/24"), nil
		}
		return network.Lease{}, errSilence
	}
	for name, tc := range map[string]struct {
		boot  string
		links func(time.Duration) []network.Link
		ask   func(time.Duration, string, network.Lease) (network.Lease, error)
		want  string
		by    time.Duration
	}{
		"the first that answers": {
			links: func(time.Duration) []network.Link { return two },
			ask:   onlySecond, want: "eth1 10.20.0.101/24",
		},
		"the one that the firmware used": {
			boot: "52:54:00:00:00:01", links: func(time.Duration) []network.Link { return two },
			ask: func(_ time.Duration, iface string, _ network.Lease) (network.Lease, error) {
				return lease(map[string]string{"eth0": "10.20.0.1/24", "eth1": "10.9.9.9/24"}[iface]), nil
			}, want: "eth0 10.20.0.1/24",
		},
		"another when that one has no cable": {
			boot: "52:54:00:00:00:01",
			links: func(time.Duration) []network.Link {
				return []network.Link{{"eth0", "52:54:00:00:00:01", false}, two[1]}
			}, ask: onlySecond, want: "eth1 10.20.0.101/24", by: 15 * time.Second,
		},
		"a card that comes late": {
			links: func(at time.Duration) []network.Link {
				if at < 5*time.Second {
					return nil
				}
				return two[1:]
			}, ask: onlySecond, want: "eth1 10.20.0.101/24", by: 5 * time.Second,
		},
		"link-local when nobody answers": {
			links: func(time.Duration) []network.Link { return two[:1] }, ask: onlySecond,
			want: "eth0 169.254.7.8/16", by: 30 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &room{began: time.Now(), links: tc.links, ask: tc.ask}
				if _, err := network.Acquire(t.Context(), r, tc.boot, quiet); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{tc.want}, r.applied); diff != "" {
					t.Error(diff)
				}
				if r.Now() < tc.by || r.Now() > tc.by+10*time.Second {
					t.Errorf("took %v, want about %v", r.Now(), tc.by)
				}
			})
		})
	}
}

func TestAcquireEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := &room{began: time.Now(), links: func(time.Duration) []network.Link { return nil }}
		_, err := network.Acquire(ctx, r, "", quiet)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waiting for a network card") {
			t.Errorf("got %v", err)
		}
	})
}

func TestKeep(t *testing.T) {
	for name, tc := range map[string]struct {
		first network.Lease
		ask   func(at time.Duration, iface string, hold network.Lease) (network.Lease, error)
		want  []string
	}{
		"prolonged at half time": {
			first: lease("10.20.0.7/24"),
			ask:   func(time.Duration, string, network.Lease) (network.Lease, error) { return lease("10.20.0.7/24"), nil },
			want:  []string{"eth0 10.20.0.7/24 for 10.20.0.7/24", "eth0 10.20.0.7/24 for 10.20.0.7/24", "eth0 10.20.0.7/24 for 10.20.0.7/24"},
		},
		"kept while no server answers": {
			first: lease("10.20.0.7/24"),
			ask:   func(time.Duration, string, network.Lease) (network.Lease, error) { return network.Lease{}, errSilence },
		},
		"another after a refusal": {
			first: lease("10.20.0.7/24"),
			ask: func(at time.Duration, _ string, hold network.Lease) (network.Lease, error) {
				if hold.Length > 0 && at < 40*time.Minute {
					return network.Lease{}, network.ErrRefused
				}
				return lease("10.20.0.8/24"), nil
			},
			want: []string{"eth0 10.20.0.8/24 for 10.20.0.7/24", "eth0 10.20.0.8/24 for 10.20.0.8/24", "eth0 10.20.0.8/24 for 10.20.0.8/24"},
		},
		"a server that comes late": {
			first: network.Lease{Address: netip.MustParsePrefix("169.254.7.8/16")},
			ask: func(at time.Duration, _ string, _ network.Lease) (network.Lease, error) {
				if at < 80*time.Minute {
					return network.Lease{}, errSilence
				}
				return lease("10.20.0.8/24"), nil
			},
			want: []string{"eth0 10.20.0.8/24 for 169.254.7.8/16"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Minute)
				defer cancel()
				r := &room{began: time.Now(), ask: tc.ask}
				tc.first.Interface = "eth0"
				var changes int
				network.Keep(ctx, r, tc.first, func(network.Lease) { changes++ }, quiet)
				if diff := cmp.Diff(tc.want, r.applied); diff != "" {
					t.Error(diff)
				}
				if changes != len(tc.want) {
					t.Errorf("told of %d changes", changes)
				}
			})
		})
	}
}

func TestResolvConf(t *testing.T) {
	l := lease("10.20.0.7/24")
	if got := l.ResolvConf(); got != "" {
		t.Errorf("without a server: %q", got)
	}
	l.DNS, l.Domain = []netip.Addr{netip.MustParseAddr("10.20.0.1")}, "lab.example"
	if got := l.ResolvConf(); got != "search lab.example\nnameserver 10.20.0.1\n" {
		t.Errorf("got %q", got)
	}
}
