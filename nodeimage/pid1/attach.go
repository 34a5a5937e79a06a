package pid1

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"viver/nodeimage/pid1/handover"
)

// device is the block device of the root.
const device = "/dev/nbd0"

// attach starts the processes that outlive init, and waits until they have attached the root disk.
func (m *machine) attach() error {
	if err := os.MkdirAll(filepath.Dir(handover.Path), 0o700); err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	doc := handover.Document{Bundle: m.cluster.bundle, Request: m.request, Join: *m.response, HostKey: m.hostKey, PassportKey: m.passportKey}
	if err := handover.Write(handover.Path, &doc); err != nil {
		return err
	}
	if m.passport != nil {
		if err := handover.WritePassport(handover.PassportPath, *m.passport); err != nil {
			return err
		}
	}
	if err := handover.WriteState(handover.StatePath, handover.State{Lease: m.lease}); err != nil {
		return err
	}
	channel, other, err := handover.NewChannel()
	if err != nil {
		return err
	}
	m.disk = channel
	defer other.Close()
	if err := startSupervisor(other); err != nil {
		return err
	}
	return channel.WaitAttached(func(reason string) {
		m.log.Warn("root disk: " + reason)
		m.tell(context.Background(), "root disk: "+reason)
	})
}

// startSupervisor runs this program again, in a session of its own. Its root stays the initramfs.
func startSupervisor(channel *os.File) error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	defer null.Close()
	cmd := exec.Cmd{
		Path: "/proc/self/exe", Args: []string{handover.SupervisorName}, Dir: "/",
		Stdin: null, Stdout: null, Stderr: null, ExtraFiles: []*os.File{channel}, // becomes handover.ChannelFD
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	return cmd.Process.Release()
}
