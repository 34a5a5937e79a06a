package pid1

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/console"
	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/pid1/network"
	"viver/nodeimage/spec"
)

// restartAfter is how long a machine whose boot has failed shows why.
const restartAfter = time.Minute

// Discover finds servers of the cluster that can be asked to join, and calls found with "host:port" of each, until ctx ends.
type Discover func(ctx context.Context, cluster string, found func(address string))

// Init boots the machine and hands over to the distribution's init. It does not return: it must run as PID 1, with the rights of
// root, in an initramfs.
func Init(discover Discover) {
	m := &machine{log: console.Open(), discover: discover, wire: network.Kernel{}}
	m.fail(m.boot(context.Background()))
}

// machine is a boot under way.
type machine struct {
	log      *slog.Logger
	discover Discover
	wire     network.Wire

	rootLoaded sync.WaitGroup // the modules for the root

	options options
	cluster *cluster
	stages  stages // reached, and not reported yet
	lease   network.Lease
	admitted
	disk *handover.Channel // to the disk's process
}

// boot returns only when something failed that cannot be tried again.
func (m *machine) boot(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if err := m.prepare(); err != nil {
		return err
	}
	m.loadDrivers()
	if m.cluster, err = readCluster(os.DirFS("/")); err != nil {
		return err
	}
	if err := m.connectAndJoin(ctx); err != nil {
		return err
	}
	m.takeName()
	m.rootLoaded.Wait()
	if err := m.attach(); err != nil {
		return err
	}
	return m.handOver()
}

// prepare makes the machine one in which programs can run.
func (m *machine) prepare() error {
	if err := below("/", kernelMounts()); err != nil {
		return err
	}
	m.log = console.Open() // /dev is another one now
	// Should PID 1 die in spite of all, the kernel restarts the machine instead of standing still.
	if err := os.WriteFile("/proc/sys/kernel/panic", []byte("60"), 0); err != nil {
		m.log.Warn(err.Error())
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("kernel command line: %w", err)
	}
	var problems []error
	m.options, problems = parseOptions(string(line))
	for _, p := range problems {
		m.log.Warn(p.Error())
	}
	return nil
}

// connectAndJoin gets an address and asks to join, which may take a person's work and long: the lease is kept alive meanwhile.
func (m *machine) connectAndJoin(ctx context.Context) error {
	lease, err := network.Acquire(ctx, m.wire, m.options.boot, m.log)
	if err != nil {
		return err
	}
	m.stages.reached(spec.StageNetwork)
	m.log.Info(fmt.Sprintf("network %s %s", lease.Interface, lease.Address.Addr()))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last atomic.Pointer[network.Lease]
	last.Store(&lease)
	var keeper sync.WaitGroup
	keeper.Go(func() {
		network.Keep(ctx, m.wire, lease, func(l network.Lease) { last.Store(&l) }, m.log)
	})
	err = m.join(ctx, last.Load)
	cancel()
	keeper.Wait()
	m.lease = *last.Load()
	return err
}

// fail says what happened and restarts the machine after a while. It does not return.
func (m *machine) fail(err error) {
	m.log.Error(fmt.Sprintf("boot failed: %v", err))
	m.log.Error(fmt.Sprintf("the machine restarts in %v", restartAfter))
	m.tell(context.Background(), "boot failed: "+err.Error())
	time.Sleep(restartAfter)
	for {
		unix.Sync()
		m.log.Error(fmt.Sprintf("restart: %v", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)))
		time.Sleep(restartAfter)
	}
}
