package pid1

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"viver/nodeimage/pid1/module"
)

// networkModules and rootModules are those that no device asks for.
func networkModules() []string { return []string{"af_packet"} }
func rootModules() []string    { return []string{"nbd", "squashfs", "overlay"} }

// loadDrivers loads modules for the hardware, and goes on to load those for the root while the machine waits for the network: see
// rootLoaded. A failure is said and survived: without a network card's driver the machine waits for one with a clear message, and
// everything else can be loaded from the root.
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
	if err := loader.Load(networkModules()...); err != nil {
		m.log.Warn(err.Error())
	}
	if _, err := loader.Coldplug(os.DirFS("/sys")); err != nil {
		m.log.Warn(err.Error())
	}
	m.rootLoaded.Go(func() {
		if err := loader.Load(rootModules()...); err != nil {
			m.log.Warn(err.Error())
		}
	})
}
