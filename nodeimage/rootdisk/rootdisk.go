// Package rootdisk is the disk of a diskless machine: the kernel's block device whose blocks come over the network.
//
// It owns how the parts are put together (kernel, verification, fail-over, one NBD client for each server), when the device may be attached,
// and when blocks begin to come from the other machines. The parts stand in packages nbd and block; how machines share the root is for
// package field. It runs in a process of its own, which the machine's life hangs on.
package rootdisk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"viver/nodeimage/block"
	"viver/nodeimage/nbd"
	"viver/nodeimage/spec"
)

const (
	// cacheBytes bounds the chunks kept in the agent, besides those of the boot, of which maxBoot bytes are kept. They are locked in
	// memory, and the kernel caches what it reads too.
	cacheBytes, maxBoot = 16 << 20, 32 << 20
	// handedOver is what is left of that once another keeps them.
	handedOver = 1 << 20
	// defaultPatience is that of a Config.
	defaultPatience = 10 * time.Second
	// dialTime bounds connecting to one server and opening the export; one that was only found may be gone already.
	dialTime, foundTime = 5 * time.Second, 2 * time.Second
)

// Config says what is on the disk and who has it.
type Config struct {
	Image spec.Digest // the name of the NBD export, too
	Root  spec.Root   // of the image's manifest, which must have been validated
	// Servers are asked in this order; those without an NBD address are left out.
	Servers []spec.Server
	// Discover finds more servers that have the image, and calls found with "host:port" of each until ctx ends; nil: there are none.
	Discover func(ctx context.Context, found func(address string))
	Device   uint32 // N of /dev/nbdN
	// Patience is how long the first block is waited for until the reason is said, each time. Zero means 10 s.
	Patience time.Duration
	Log      *slog.Logger // nil is silent
}

// Disk is the root disk. It is safe for concurrent use.
type Disk struct {
	config   Config
	found    *found
	failover *block.Failover
	verified *block.Verified
	ways     ways
	device   *unanswered // ways, as the kernel reads them

	first  atomic.Pointer[time.Time] // since when the first block is waited for; nil: it is not
	shared context.Context           // ends with the first Share
	share  context.CancelFunc
}

// Open puts a disk together. It does not connect to anything yet. Close must be called.
func Open(config Config) (*Disk, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Patience == 0 {
		config.Patience = defaultPatience
	}
	d := &Disk{config: config, found: newFound(config.Servers)}
	d.shared, d.share = context.WithCancel(context.Background())
	var err error
	// No budget: while this machine lives, a read is tried. An error would be taken by the kernel for a broken disk.
	d.failover, err = block.NewFailover(config.Root.Size, d.sources(), block.FailoverOptions{Log: config.Log})
	if err != nil {
		return nil, fmt.Errorf("root disk: %w", err)
	}
	if d.verified, err = block.NewVerified(d.failover, config.Root, block.Options{CacheBytes: cacheBytes + d.bootBytes()}); err != nil {
		return nil, errors.Join(fmt.Errorf("root disk: %w", err), d.failover.Close())
	}
	d.ways.servers = d.verified
	d.device = newUnanswered(&d.ways)
	return d, nil
}

// sources are the servers of the bundle, and one that stands for all that are found.
func (d *Disk) sources() []block.Source {
	export := string(d.config.Image)
	var list []block.Source
	for _, s := range d.config.Servers {
		if s.NBD != "" {
			list = append(list, block.Source{Name: s.Name + " (" + s.NBD + ")", Dial: dialer(s.NBD, export)})
		}
	}
	if d.config.Discover != nil {
		list = append(list, block.Source{Name: "a server found by mDNS", Dial: func(ctx context.Context) (block.Conn, error) {
			return d.found.dial(ctx, export)
		}})
	}
	return list
}

func dialer(address, export string) func(context.Context) (block.Conn, error) {
	return func(ctx context.Context) (block.Conn, error) { return dial(ctx, address, export, dialTime) }
}

func dial(ctx context.Context, address, export string, limit time.Duration) (block.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := nbd.Dial(ctx, address, export)
	if err != nil {
		return nil, err // a nil *Client in a Conn would not be nil
	}
	return c, nil
}

// Serve attaches the device, or takes it over from an agent that has died, and answers the kernel until the device is
// disconnected or ctx ends; it returns nil then. attached is called when the first block has come and the device is there, trouble
// with each reason why that takes long.
func (d *Disk) Serve(ctx context.Context, attached func(), trouble func(reason string)) error {
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	if d.config.Discover != nil {
		looking.Go(func() { d.config.Discover(ctx, d.found.add) })
	}
	defer func() { cancel(); looking.Wait() }()
	if !d.awaitFirst(ctx, trouble) {
		return nil
	}
	looking.Go(func() { d.fetchBoot(ctx) })
	kernel := nbd.Kernel{Index: d.config.Device, Size: d.config.Root.Size, Log: d.config.Log}
	return kernel.Serve(ctx, d.device, attached)
}

// bootBytes is how many bytes at the root's beginning are fetched before the kernel asks for them.
func (d *Disk) bootBytes() int64 {
	return min(int64(d.config.Root.Boot)*spec.ChunkSize, maxBoot, d.config.Root.Size)
}

// fetchBoot fetches what a boot reads, in order, so that the kernel finds it there: it would wait for each chunk.
func (d *Disk) fetchBoot(ctx context.Context) {
	one := make([]byte, 1)
	for off := int64(0); off < d.bootBytes(); off += spec.ChunkSize {
		if err := d.ways.ReadAt(ctx, one, off); err != nil {
			return // whoever needs the chunk will say so
		}
	}
}

// awaitFirst reads the first block, for as long as it takes: with the device attached already, the kernel would be asked to mount
// what nobody can read, and could not say why that hangs. It returns false when ctx ends.
func (d *Disk) awaitFirst(ctx context.Context, trouble func(reason string)) bool {
	began := time.Now()
	d.first.Store(&began)
	defer d.first.Store(nil)
	for block := make([]byte, min(4096, d.config.Root.Size)); ; {
		err := d.readFirst(ctx, block)
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		if d.shared.Err() != nil { // others than the servers have it
			return true
		}
		trouble(err.Error())
	}
}

// readFirst reads the first block from the servers, until it takes too long or there is another way.
func (d *Disk) readFirst(ctx context.Context, block []byte) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.Patience)
	defer cancel()
	defer context.AfterFunc(d.shared, cancel)()
	return d.failover.ReadAt(ctx, block, 0)
}

// Shared is the root as the machines of the cluster share it. field.Image is one.
type Shared interface {
	nbd.Ready
	// Adopt takes over a copy of a chunk, which was verified.
	Adopt(index int, data []byte) error
}

// Share lets blocks come through s from now on, which can be read already; the servers are asked when that takes long. What has
// come from them is given to s. It is called again with another s when that takes the place of the former.
func (d *Disk) Share(s Shared) error {
	var device nbd.Ready = s
	d.ways.shared.Store(&device)
	d.share()
	return d.verified.HandOver(handedOver, s.Adopt)
}

// Unshare lets blocks come from servers only, until the next Share.
func (d *Disk) Unshare() { d.ways.shared.Store(nil) }

// BytesRead returns how many bytes of blocks have come from servers in the way that does not share them.
func (d *Disk) BytesRead() int64 { return d.failover.BytesRead() }

// Close ends all connections to servers. The device, if it is attached still, waits for another agent. It returns nil.
func (d *Disk) Close() error {
	return errors.Join(d.verified.Close(), d.failover.Close())
}

// Release disconnects the device, once nothing is mounted from it any more.
func Release(device uint32) error {
	return nbd.Kernel{Index: device}.Disconnect()
}
