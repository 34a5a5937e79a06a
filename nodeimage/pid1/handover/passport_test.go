package handover_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/spec"
)

func TestWatchPassport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passport.json")
	if _, err := handover.ReadPassport(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is none: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, ended := make(chan spec.Passport), make(chan error)
	put := func(p spec.Passport) {
		t.Helper()
		if err := handover.WritePassport(path, p); err != nil {
			t.Fatal(err)
		}
	}
	go func() { ended <- handover.WatchPassport(ctx, path, func(p spec.Passport) { seen <- p }) }()
	for _, chain := range []string{"first", "second"} {
		put(spec.Passport{Chain: chain, Gossip: []byte("secret")})
		if p := <-seen; p.Chain != chain || string(p.Gossip) != "secret" {
			t.Errorf("%+v", p)
		}
		put(spec.Passport{Chain: chain}) // the same is no news
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
