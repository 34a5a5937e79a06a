package nbd_test

import (
	"crypto/tls"
	"sync/atomic"
	"testing"

	"viver/nodeimage/nbd"
)

// BenchmarkRead is 256 KiB reads, 16 at once, over one connection: server and client in one process, both loops, in the clear and under TLS.
func BenchmarkRead(b *testing.B) {
	const size, block = 64 << 20, 256 << 10
	data, ca := content(size), newAuthority(b)
	address := serveAs(b, nbd.Server{Exports: map[string]nbd.Device{"mapped": mapped(b, data), "spread": healthy{slow{data}}}, TLS: ca.config(b, "server")})
	for _, run := range []struct {
		name, export string
		config       *tls.Config
	}{
		{"mapped", "mapped", nil},
		{"spread", "spread", nil},
		{"mapped-tls", "mapped", ca.config(b, "client")},
		{"spread-tls", "spread", ca.config(b, "client")},
	} {
		b.Run(run.name, func(b *testing.B) {
			c, err := nbd.DialTLS(b.Context(), address, run.export, run.config)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.SetBytes(block)
			b.SetParallelism(8) // for each of GOMAXPROCS
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				p := make([]byte, block)
				for pb.Next() {
					if err := c.ReadAt(b.Context(), p, next.Add(block)%size); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
