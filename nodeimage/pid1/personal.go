package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/handover"
)

// personal writes the few files that differ from machine to machine into the new root, where they lie in RAM: the image is the
// same for all. What cannot be written is returned; it never stops a boot.
func (m *machine) personal(root *os.Root) []error {
	errs := []error{place(root, "etc/hostname", m.response.Node.Name+"\n", 0o644), placeHostKey(root, m.hostKey)}
	if text := m.lease.ResolvConf(); text != "" {
		errs = append(errs, place(root, "etc/resolv.conf", text, 0o644))
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// Rename gives another name to a machine that runs: to the kernel, and to the distribution in root. The name in the distribution's
// own memory is that of its next look.
func Rename(root, name string) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	defer dir.Close()
	return errors.Join(os.NewSyscallError("sethostname", unix.Sethostname([]byte(name))), place(dir, "etc/hostname", name+"\n", 0o644))
}

// place writes a file, in the place of a link too (resolv.conf is often one into /run). Without its folder it is left out.
func place(root *os.Root, name, content string, mode fs.FileMode) error {
	if _, err := root.Stat(filepath.Dir(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write /%s: %w", name, err)
	}
	if err := root.WriteFile(name, []byte(content), mode); err != nil {
		return fmt.Errorf("write /%s: %w", name, err)
	}
	return nil
}

// placeHostKey gives the distribution's sshd the machine's key, so that it has one identity. An image with keys of its own keeps them.
func placeHostKey(root *os.Root, private string) error {
	keys, err := fs.Glob(root.FS(), "etc/ssh/ssh_host_*_key")
	if err != nil || len(keys) > 0 {
		return err
	}
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	const name = "etc/ssh/ssh_host_ed25519_key"
	return errors.Join(
		place(root, name, private, 0o600),
		place(root, name+".pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())), 0o644),
	)
}

// exitDir is the folder of the initramfs that becomes the machine's root at its end.
const exitDir = "/viver/exit"

// placeShutdown puts this program where systemd-shutdown looks for one to go back to
// (https://systemd.io/INITRD_INTERFACE), with the folders that it moves mounts to: a folder of the initramfs is mounted there, in
// which the program has another name. A copy would take as much memory again.
func placeShutdown(dir string) error {
	var errs []error
	for _, d := range []string{"proc", "sys", "dev", "run", "oldroot"} {
		errs = append(errs, os.MkdirAll(filepath.Join(exitDir, d), 0o755))
	}
	errs = append(errs, os.Link("/init", filepath.Join(exitDir, "shutdown")), os.MkdirAll(dir, 0o755),
		os.NewSyscallError("bind mount", unix.Mount(exitDir, dir, "", unix.MS_BIND, "")))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("prepare the way back for power-off: %w", err)
	}
	return nil
}

// SpareFromKillall asks an init of the family of sysvinit, where there is one in root, not to kill viver's processes when the machine
// goes down: its scripts, which it reads from the root after that, come through them. Debian's sendsigs reads process IDs from
// /run/sendsigs.omit.d. systemd needs no such list (see package handover). It is called again when a process was started again.
func SpareFromKillall(root string) error {
	if _, err := os.Stat(filepath.Join(root, "etc/init.d/sendsigs")); err != nil {
		return nil
	}
	dir := filepath.Join(root, "run/sendsigs.omit.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("spare viver's processes from killall5: %w", err)
	}
	var list strings.Builder
	for _, pid := range named(handover.Names()...) {
		fmt.Fprintln(&list, pid)
	}
	if err := os.WriteFile(filepath.Join(dir, "viver"), []byte(list.String()), 0o644); err != nil {
		return fmt.Errorf("spare viver's processes from killall5: %w", err)
	}
	return nil
}
