package gossip

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// againAlone and again are how often members are looked for: by a machine that has none, and by one that may have lost some. Nothing
	// else joins two halves of a network again that were apart for long: each takes the other's members for dead, and forgets them.
	againAlone = time.Second
	again      = 5 * time.Second
	// perRound is how many addresses are tried at once.
	perRound = 4
	// maxKnown and maxFound bound how many addresses are remembered: of members, and of what was discovered, which may be anybody.
	maxKnown, maxFound = 1024, 64
	// forgetAfter is how long the address of a member is tried that is gone.
	forgetAfter = time.Hour
)

// rejoin looks for members until ctx ends.
func (g *Gossip) rejoin(ctx context.Context) {
	for {
		pause := again
		if g.table.size() == 0 {
			pause = againAlone
		}
		var tries sync.WaitGroup
		for _, address := range g.known.candidates(append(g.table.addresses(), g.address.String()), perRound) {
			tries.Go(func() {
				if _, err := g.list.Join([]string{address}); err == nil {
					g.log.Debug("joined a member again", "address", address)
				}
			})
		}
		tries.Wait()
		select {
		case <-ctx.Done():
			return
		case <-g.known.news: // somebody was found: no need to wait
		case <-time.After(pause):
		}
	}
}

// known are addresses where members are, were or may be.
type known struct {
	hints []string
	news  chan struct{} // gets something when an address was discovered

	mu      sync.Mutex           // guards the rest
	members map[string]time.Time // when it was seen last
	others  []string             // discovered, the latest first
}

func newKnown(hints []string) *known {
	return &known{hints: slices.Clone(hints), news: make(chan struct{}, 1), members: map[string]time.Time{}}
}

// found notes an address that was discovered.
func (k *known) found(address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh := !slices.Contains(k.others, address)
	k.others = slices.DeleteFunc(k.others, func(a string) bool { return a == address })
	k.others = append([]string{address}, k.others[:min(len(k.others), maxFound-1)]...)
	if fresh {
		wake(k.news)
	}
}

// seen notes the address of a member.
func (k *known) seen(address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.members[address]; !ok && len(k.members) >= maxKnown {
		oldest := address
		for a, t := range k.members {
			if oldest == address || t.Before(k.members[oldest]) {
				oldest = a
			}
		}
		delete(k.members, oldest)
	}
	k.members[address] = time.Now()
}

// candidates returns some addresses to be tried, n at most: those of nobody who lives. live are the addresses of
// those, this machine's among them.
func (k *known) candidates(live []string, n int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for _, a := range live {
		if _, ok := k.members[a]; ok {
			k.members[a] = now
		}
	}
	list := slices.Concat(k.hints, k.others)
	for a, t := range k.members {
		if now.Sub(t) > forgetAfter {
			delete(k.members, a)
			continue
		}
		list = append(list, a)
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(a string) bool { return a == "" || slices.Contains(live, a) })
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}
