// Package field is V-FIELD: the memory of many machines as one store of the chunks of root images. Each member holds a share in its
// RAM, reads what it does not hold from the others, and takes over when one of them goes. A server that has the whole image on its
// disk, the seed, is asked last, and may go once the members hold everything.
//
// It owns what a member knows of the others and what it decides: who is asked, what is fetched, kept and dropped, who may leave. It owns
// no wire: how members are reached is behind Peers (package peer has the real one), and who is a member is told to it (Up, Down). Who
// is to hold what is computed by package placement, and the bytes lie in package store.
//
// One goroutine owns the state. Everything that happens is an event for it, each of which is handled by a method of core that neither
// waits nor does I/O, but returns effects; so the decisions can be tested without network and clock. Reads of chunks that are held do
// not pass through it.
package field
