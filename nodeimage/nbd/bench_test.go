package nbd_test

import (
	"sync/atomic"
	"testing"

	"viver/nodeimage/nbd"
)

// BenchmarkRead is 256 KiB reads, 16 at once, over one connection: server and client in one process, both loops.
func BenchmarkRead(b *testing.B) {
	const size, block = 64 << 20, 256 << 10
	data := content(size)
	address := serve(b, map[string]nbd.Device{"mapped": mapped(b, data), "spread": healthy{slow{data}}})
	for _, export := range []string{"mapped", "spread"} {
		b.Run(export, func(b *testing.B) {
			c := dial(b, address, export)
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
