// Package nbd speaks the Network Block Device protocol: a read-only server, a client, and the attachment of a
// device to the Linux kernel.
//
// It owns the bytes on the wire and nothing above them: what an export is called and whether its bytes are the right ones is for
// others (packages imagestore and block). The protocol is that of doc/proto.md in github.com/NetworkBlockDevice/nbd, called "the
// protocol" in this package: fixed newstyle negotiation, simple replies.
//
// Two loops serve reads. A file mapped into memory (File) is served by one goroutine per connection, which answers all requests
// that have arrived with one writev(2) straight from the mapping: no goroutine, no copy and few system calls per request. Any other
// Device may be slow, so each request to it has a goroutine.
package nbd
