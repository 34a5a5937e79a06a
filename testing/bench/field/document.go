package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// document makes field.md and field.svg of figures.
func document(figures, folder string) error {
	r, err := load(figures)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(folder, "field.svg"), plot(r), 0o644); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(folder, "field.md"), page(r), 0o644)
}

// page is the table with the words around it.
func page(r Report) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# How fast the shared root is

A seed holds %.0f MB of random data in its RAM, and all nodes read them through at the same moment. Each machine, the seed too, has a
line of its own to the switch. What counts is how fast a node reads on the average, all bytes over the time of the last, beside its line's rate.

- **viver, cold**: only the seed holds data when the nodes begin. What one has got, the others get from it.
- **viver, warm**: every node holds its share, three replicas of each chunk in all. What a node reads from its own RAM is not counted.
- **nbdkit**: a plain NBD server in the seed's place, and nbdcopy on the nodes: they divide its line among themselves.

viver has mutual TLS and verifies each chunk; nbdkit has and does neither. The machines are processes in network namespaces of one computer
with %d processors, which do the work of all of them.

![part of the line's rate that a node gets, by the number of nodes](field.svg)

| system | | nodes | line, Mbit/s | of the line's rate | MB/s a node | seed sent | CPU s/GB | of it the seed | RAM of a node, MB | late, ms |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
`, float64(r.SizeBytes)/1e6, r.Processors)
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %.2f | %.2f | %.2f times | %.2f | %.2f | %.0f | %.1f |\n", row.System, row.Mode, row.Nodes, row.LinkMbit,
			row.RatioToLink, row.NodeMBs, row.SeedImages, row.CPUSecondsPerGB, row.SeedCPUSecondsPerGB, row.NodeMB, row.LateMS)
	}
	fmt.Fprintf(&b, `
Headers of packets take 0.05 of a line's rate. The seed must send everything once, so a cold start cannot be faster than one line. The
processor time is that of all processes, for a GB that a node has read. Late is by how much a program that sleeps was woken late on the
average: above a millisecond or so this computer had too much to do, and its processors were measured and not the network. Medians of %d rounds, measured %s; the load average was %.1f
before and %.1f after.

Measured with `+"`make bench-field`"+`, which takes `+"`-nodes`, `-mbit` and `-bytes`"+` in `+"`FIELD_FLAGS`"+`.
`, r.Rounds, r.Time.Format("2006-01-02 15:04 MST"), r.LoadAverage[0], r.LoadAverage[1])
	return b.Bytes()
}
