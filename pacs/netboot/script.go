package netboot

import "fmt"

// Names by which iPXE knows the files of a boot, and the kernel its initrds.
const (
	nameKernel = "vmlinuz"
	nameInitrd = "initrd"
	nameBundle = "bundle"
)

// bootScript is what DHCP points iPXE at. It never ends: a machine whose server is away, or changes its image in this moment, asks
// again for the script below; without the loop BIOS machines would give up for ever.
//
// ${netX} is the interface that iPXE booted from, also on a machine with several.
func bootScript(base string) string {
	return fmt.Sprintf(`#!ipxe
:start
chain --autofree %s%s?%s || goto again
:again
echo This machine could not boot; trying again in 3 s
sleep 3
goto start
`, base, pathNode, query)
}

// nodeScript boots the image. It works on BIOS and UEFI alike: UEFI kernels take only initrds that are named on the command line, BIOS
// does not mind. viver.mac tells early user space which interface to bring up first.
func nodeScript(base, hex, arguments string) string {
	return fmt.Sprintf(`#!ipxe
imgfree
kernel --name %[4]s %[1]s%[7]s?%[10]s initrd=%[5]s initrd=%[6]s viver.mac=${netX/mac} %[3]s || exit 1
initrd --name %[5]s %[1]s%[8]s || exit 1
initrd --name %[6]s %[1]s%[9]s || exit 1
boot || exit 1
`, base, hex, arguments, nameKernel, nameInitrd, nameBundle, pathKernel(hex), pathInitrd(hex), pathBundle(hex), query)
}

// query tells the server whose request it is: the answer is the same for all, but the machine's boot is followed by it.
const query = "mac=${netX/mac:hexhyp}&platform=${platform}"
