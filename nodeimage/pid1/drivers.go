package pid1

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/module"
)

// always are the modules that no device asks for.
func always() []string { return []string{"nbd", "squashfs", "overlay", "af_packet"} }

// loadDrivers loads modules for the hardware. A failure is said and survived: without a network card's driver the machine
// waits for one with a clear message, and everything else can be loaded from the root.
func (m *machine) loadDrivers() {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		m.log.Warn(fmt.Sprintf("kernel's release: %v", err))
		return
	}
	dir := filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]))
	index, err := module.ReadIndex(os.DirFS(dir))
	if err != nil {
		m.log.Warn(err.Error())
		return
	}
	loader := module.Loader{Index: index, Insert: module.Insert(dir)}
	if err := loader.Load(always()...); err != nil {
		m.log.Warn(err.Error())
	}
	if _, err := loader.Coldplug(os.DirFS("/sys")); err != nil {
		m.log.Warn(err.Error())
	}
}
