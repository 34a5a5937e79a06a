package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A distribution makes a machine's SSH host keys when its SSH server is installed. Those must not be in an image, which anybody on the
// network can read; and without any, the server fails over and over and holds up the boot. So each boot makes one, in RAM.
const (
	hostKeysUnit = `[Unit]
Description=SSH host key of this boot
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service ssh.socket sshd.service sshd.socket

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
`
	hostKeysPath    = "etc/systemd/system/ssh-host-key.service"
	hostKeysWanted  = "etc/systemd/system/multi-user.target.wants/ssh-host-key.service"
	multiUserWanted = "etc/systemd/system/multi-user.target.wants"
)

// keygenUnits are those by which other distributions do the same.
var keygenUnits = []string{"sshd-keygen@.service", "sshd-keygen.service", "sshdgenkeys.service"}

// makeHostKeys lets the machines that run a tree have host keys, if it has an SSH server and systemd, and no such unit of its own.
func makeHostKeys(t *os.Root) error {
	for _, program := range []string{"usr/bin/ssh-keygen", "usr/sbin/sshd", "usr/lib/systemd/systemd"} {
		if _, err := t.Lstat(program); err != nil {
			return nil
		}
	}
	for _, unit := range keygenUnits {
		if hasUnit(t, unit) {
			return nil
		}
	}
	if err := t.MkdirAll(multiUserWanted, 0o755); err != nil {
		return fmt.Errorf("unit for host keys: %w", err)
	}
	err := errors.Join(t.WriteFile(hostKeysPath, []byte(hostKeysUnit), 0o644), t.Chmod(hostKeysPath, 0o644))
	if err != nil {
		return fmt.Errorf("unit for host keys: %w", err)
	}
	if err := t.Symlink("/"+hostKeysPath, hostKeysWanted); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("unit for host keys: %w", err)
	}
	return nil
}
