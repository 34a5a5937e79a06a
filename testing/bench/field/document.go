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

// page is the tables with the words around them.
func page(r Report) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# How fast the shared root is

The machines are processes in network namespaces of one computer with %d processors, which do the work of all of them. Each machine, the seed
too, has a line of its own to the switch. viver has mutual TLS and verifies each chunk; nbdkit has and does neither.

`, r.Processors)
	for _, part := range []struct {
		table table
		words string
	}{{throughTable, fmt.Sprintf(throughWords, float64(r.SizeBytes)/1e6)}, {stormTable, stormWords}, {localTable, localWords}} {
		if text := part.table.markdown(r); text != "" {
			fmt.Fprintf(&b, "%s\n%s\n", part.words, text)
		}
	}
	fmt.Fprintf(&b, endWords, r.Rounds, r.Time.Format("2006-01-02 15:04 MST"), r.LoadAverage[0], r.LoadAverage[1])
	return b.Bytes()
}

const throughWords = `## All read everything

A seed holds %.0f MB of random data in its RAM, and all nodes read them through at the same moment. What counts is how fast a node reads on the
average, all bytes over the time of the last, beside its line's rate. Headers of packets take 0.05 of that. The seed must send everything once, so a
cold start cannot be faster than one line.

- **viver, cold**: only the seed holds data when the nodes begin. What one has got, the others get from it.
- **viver, warm**: every node holds its share, three replicas of each chunk in all. What a node reads from its own RAM is not counted.
- **nbdkit**: a plain NBD server in the seed's place, and nbdcopy on the nodes: they divide its line among themselves.

![part of the line's rate that a node gets, by the number of nodes](field.svg)
`

const stormWords = `## All boot at the same moment

Nobody holds anything but the seed. Each node reads what a boot reads of its root, in that order, four reads at once. What counts is the time of
the last beside that of one that boots alone over the same lines; at most 1.5 is wanted.

- **viver, storm**: the nodes are members before the moment.
- **viver, storm-join**: they become members at that moment too, so that nobody knows at first whom to ask but the seed. The processor time of
  that is in the figures: each machine has its own processor, and here all share this computer's.
- **nbdkit**: each connects to it and reads the same.

What is read was derived from a Debian image and not recorded: the superblock, the metadata at the end, the chunks that the image's
manifest says are read at boot, and between these as many others as make 22 MB, which is what a machine was seen to read. A node goes on to the
next read at once, where a machine would think about what it has read. The other half of a boot, kernel and initramfs by HTTP, is not in it.
`

const localWords = `## One member

The root disk of a machine asks the member on the same machine. Here a client does, over an NBD export on a Unix socket.

- **hit**: all is in the member's RAM. Beside it nbdkit's plugin memory with the same data, the same client, in turns: 1 at least is wanted.
- **miss**: nothing is there, and one other member has all. Chunks are read one by one, at random. Beside it **direct**: the same client reads the
  same from that other member itself, under TLS, over the same line; at most 1.3 times its time is wanted. A line catches up 5 ms of
  idleness, which hides something of what happens between two chunks; one of 10000 Mbit/s is none in effect, and what is left is the work.

The processor time is that of the client, the member and whom the data came from, the server; the RAM that of the member, of nbdkit, or of the client that
reads directly.
`

const endWords = `The processor time is that of all processes, for a GB that a node has read; where they use nearly all processors that there are, these were
measured and not the lines. Late is by how much a program that sleeps was woken late on the
average: above a millisecond or so this computer had too much to do, and its processors were measured and not the network. The figures
are medians of %d rounds, measured %s; the load average was %.1f before and %.1f after.

Measured with ` + "`make bench-field`" + `, which takes ` + "`-modes`, `-nodes`, `-mbit`, `-bytes`, `-storm-nodes` and `-storm-mbit`, and more, in `FIELD_FLAGS`" + `.
`
