package pid1

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// inits are where distributions have their init, in the order of trial.
func inits() []string {
	return []string{"/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/bin/init"}
}

// handOver mounts the root, prepares it and replaces this program by the distribution's init. It returns only on failure.
func (m *machine) handOver() error {
	if err := mountRoot(device, spaceOf(m.request.Facts.MemoryBytes, m.response.Node.Field, m.options.overlay)); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	m.log.Info("root mounted: " + m.cluster.manifest.Distribution)
	m.disk.RootMounted()
	if err := below(newRoot, kernelMounts()); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	root, err := os.OpenRoot(newRoot)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	defer root.Close()
	program, err := findInit(root, m.options.init)
	if err != nil {
		return err
	}
	for _, err := range m.personal(root) {
		m.log.Warn(err.Error())
	}
	if err := placeShutdown(filepath.Join(newRoot, "run/initramfs")); err != nil {
		m.log.Warn(err.Error())
	}
	if err := os.RemoveAll("/lib"); err != nil { // modules that are loaded, or never will be
		m.log.Warn(err.Error())
	}
	return switchRoot(program)
}

// findInit returns the path of the program to hand over to, seen from the new root.
func findInit(root *os.Root, wanted string) (string, error) {
	candidates := inits()
	if wanted != "" {
		candidates = []string{wanted}
	}
	for _, path := range candidates {
		if runnable(root, path) {
			return path, nil
		}
	}
	if wanted != "" {
		return "", fmt.Errorf("init=%s of the kernel command line is no program in the image", wanted)
	}
	return "", fmt.Errorf("the image has no init: looked for %v; add a package such as systemd-sysv to it", candidates)
}

// runnable reports whether path is a program in root. Links lead where they will lead for init: /x means root's.
func runnable(root *os.Root, path string) bool {
	dir, err := root.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	fd, err := unix.Openat2(int(dir.Fd()), path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0
}

// switchRoot makes newRoot the root of this process and of all that it starts, and becomes program. The initramfs stays
// mounted beneath, with its own /proc, /sys and /dev: it is the root of the processes that were started from it.
func switchRoot(program string) error {
	if err := os.Chdir(newRoot); err != nil {
		return fmt.Errorf("switch root: %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("switch root: move %s: %w", newRoot, err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("switch root: chroot: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("switch root: %w", err)
	}
	// What the kernel did not understand of its command line, it gave to us for init (single, 3, -- args).
	err := unix.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ())
	return fmt.Errorf("start %s: %w", program, err)
}
