package handover_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/network"
)

func leased(address string) network.Lease {
	return network.Lease{Interface: "eth0", Address: netip.MustParsePrefix(address), Server: netip.MustParseAddr("10.20.0.1")}
}

func TestWatchState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	put := func(s handover.State) {
		t.Helper()
		if err := handover.WriteState(path, s); err != nil {
			t.Fatal(err)
		}
	}
	put(handover.State{Lease: leased("10.20.0.101/16")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, ended := make(chan handover.State), make(chan error)
	go func() { ended <- handover.WatchState(ctx, path, func(s handover.State) { seen <- s }) }()
	if s := <-seen; s.Lease.Address.String() != "10.20.0.101/16" || !s.Root.IsZero() {
		t.Errorf("at first %+v", s)
	}
	put(handover.State{Lease: leased("10.20.0.101/16")}) // a longer lease is no news
	mounted := time.Now().UTC()
	put(handover.State{Lease: leased("10.20.0.101/16"), Root: mounted})
	if s := <-seen; !s.Root.Equal(mounted) {
		t.Errorf("then %+v", s)
	}
	put(handover.State{Lease: leased("10.20.0.7/16"), Root: mounted})
	if s := <-seen; s.Lease.Address.String() != "10.20.0.7/16" {
		t.Errorf("at last %+v", s)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchStateFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	never := func(s handover.State) { t.Errorf("%+v", s) }
	if err := handover.WatchState(t.Context(), path, never); err == nil {
		t.Error("a state that is not there was watched")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := handover.WatchState(t.Context(), path, never); err == nil {
		t.Error("half a state was read")
	}
}
