package join

import (
	"slices"
	"sync"

	"viver/nodeimage/spec"
)

// maxFound bounds how many servers are remembered: anybody on the link can answer to mDNS.
const maxFound = 32

// Servers is a growing list of servers: hints from the bundle first, then those found, the latest first. It is safe for concurrent use.
type Servers struct {
	mu    sync.Mutex
	hints []string
	found []string
}

// Hints returns where the bundle's servers can be asked to join.
func Hints(b *spec.Bundle) []string {
	var list []string
	for _, s := range b.Servers {
		list = append(list, s.Join)
	}
	return list
}

// NewServers returns a list with these hints; empty ones are left out.
func NewServers(hints ...string) *Servers {
	return &Servers{hints: slices.DeleteFunc(slices.Clone(hints), func(s string) bool { return s == "" })}
}

// Add notes a server that was found, "host:port". The oldest is forgotten when there are too many.
func (s *Servers) Add(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = slices.DeleteFunc(s.found, func(a string) bool { return a == address })
	s.found = append([]string{address}, s.found[:min(len(s.found), maxFound-1)]...)
}

// List returns all servers, each once.
func (s *Servers) List() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.hints)
	for _, a := range s.found {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}
