package member

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"viver/nodeimage/field"
	"viver/nodeimage/field/gossip"
)

// Seed is a server that has images whole, on its disk, and serves them over NBD by itself. It holds no share and asks nobody.
type Seed struct {
	Name, Boot string // as in Config
	GossipKey  []byte
	Blocks     netip.AddrPort // where the others reach its NBD server; it must take TLS
	Gossip     uint16         // port, at the address of Blocks; 0: any that is free
	Hints      []string
	Discover   func(ctx context.Context, found func(address string))
	// Ready, if not nil, is called once, with the address where others find it.
	Ready func(netip.AddrPort)
	Log   *slog.Logger // nil is silent
}

// Announce makes a seed known to all members until ctx ends; it says goodbye then, and returns nil.
func Announce(ctx context.Context, s Seed) error {
	g, err := gossip.New(gossip.Config{
		Self: field.Member{ID: field.MemberID(s.Name + "/" + s.Boot), Name: s.Name, Blocks: s.Blocks.String(), Seed: true},
		Key:  s.GossipKey, Listen: netip.AddrPortFrom(s.Blocks.Addr(), s.Gossip), Hints: s.Hints, Discover: s.Discover, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("member: seed %s: %w", s.Name, err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- g.Run(running) }()
	stop := context.AfterFunc(ctx, func() {
		_ = g.Leave(goodbyeTime) // the others notice anyway
		cancel()
	})
	defer stop()
	if s.Ready != nil {
		s.Ready(g.Address())
	}
	for range g.Events() { // who comes and goes is nothing to a seed
	}
	return <-done
}
