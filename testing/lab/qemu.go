package lab

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"

	"golang.org/x/sys/unix"
)

// Debian's OVMF, without Secure Boot.
const (
	ovmfCode = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	ovmfVars = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

// qemuArgs returns the command line of QEMU for m. The serial console is a socket that keeps a log, so that a test can read
// what happened and a person can type. A BIOS machine tries again when nobody answered (reboot-timeout, in ms), as people do.
func (m *Machine) qemuArgs() []string {
	args := []string{
		"-name", m.Name,
		"-machine", "q35,graphics=off",
		"-cpu", "max",
		"-accel", accelerator(),
		"-m", fmt.Sprint(m.MemoryMB),
		"-smp", fmt.Sprint(m.CPUs),
		"-uuid", m.uuid(),
		"-smbios", "type=1,manufacturer=viver,product=lab,serial=" + m.Name,
		"-display", "none", "-vga", "none", "-monitor", "none",
		"-chardev", "socket,id=serial,server=on,wait=off,path=" + m.consoleSocket() + ",logfile=" + m.SerialLog(),
		"-serial", "chardev:serial",
		"-netdev", "tap,id=net,script=no,downscript=no,ifname=" + m.Tap,
		"-device", "virtio-rng-pci",
	}
	if m.Disk != "" {
		args = append(args, "-drive", "if=virtio,format=raw,file="+m.Disk)
	}
	return append(args, m.firmwareArgs()...)
}

func (m *Machine) firmwareArgs() []string {
	device := m.NIC + ",netdev=net,mac=" + m.MAC
	switch {
	case m.Kernel != "":
		return []string{"-device", device + ",romfile=", "-kernel", m.Kernel, "-initrd", m.Initrd, "-append", m.Append}
	case m.Firmware == UEFI:
		return []string{
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + ovmfCode,
			"-drive", "if=pflash,format=raw,unit=1,file=" + m.vars(),
			"-device", device + ",romfile=,bootindex=0",
		}
	case m.BootDisk:
		return []string{"-device", device + ",romfile=", "-boot", "c"}
	default:
		return []string{"-device", device, "-boot", "n,reboot-timeout=2000"}
	}
}

// uuid is the machine's SMBIOS UUID (RFC 9562 version 8: made from its MAC address).
func (m *Machine) uuid() string {
	u := sha256.Sum256([]byte(m.MAC))
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// accelerator is KVM where the processor has it and a machine can really be made with it, else emulation. Some hosts offer /dev/kvm on a
// processor without it: firmware there runs for minutes.
func accelerator() string {
	const kvmCreateVM = 0xAE01 // KVM_CREATE_VM, linux/kvm.h
	if cpu, err := os.ReadFile("/proc/cpuinfo"); err != nil || !regexp.MustCompile(`\b(vmx|svm)\b`).Match(cpu) {
		return "tcg,thread=multi"
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "tcg,thread=multi"
	}
	defer f.Close()
	vm, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), kvmCreateVM, 0)
	if errno != 0 {
		return "tcg,thread=multi"
	}
	_ = unix.Close(int(vm))
	return "kvm"
}
