package lab

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"

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
		"-cpu", processor(),
		"-accel", accelerator(),
		"-m", fmt.Sprint(m.MemoryMB),
		"-smp", fmt.Sprint(m.CPUs),
		"-uuid", m.uuid(),
		"-smbios", "type=1,manufacturer=viver,product=lab,serial=" + m.Name,
		"-display", "none", "-vga", "none", "-monitor", "none",
		"-chardev", "socket,id=serial,server=on,wait=off,path=" + m.consoleSocket() + ",logfile=" + m.SerialLog(),
		"-serial", "chardev:serial",
		"-device", "virtio-rng-pci",
	}
	if m.Disk != "" {
		args = append(args, "-drive", "if=virtio,format=raw,file="+m.Disk)
	}
	return append(args, m.firmwareArgs()...)
}

func (m *Machine) firmwareArgs() []string {
	switch {
	case m.Kernel != "":
		return append(m.cardArgs(",romfile="), "-kernel", m.Kernel, "-initrd", m.Initrd, "-append", m.Append)
	case m.Firmware == UEFI:
		return append(m.cardArgs(",bootindex=%d"),
			"-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+ovmfCode,
			"-drive", "if=pflash,format=raw,unit=1,file="+m.vars())
	case m.BootDisk:
		return append(m.cardArgs(",romfile="), "-boot", "c")
	default:
		return append(m.cardArgs(",bootindex=%d"), "-boot", "reboot-timeout=2000")
	}
}

// cardArgs describes the network cards; a verb in boot stands for a card's place in the boot order. OVMF has a driver for virtio of its own,
// as PCs have for their cards; the others bring theirs in their ROM, as plugged-in cards do.
func (m *Machine) cardArgs(boot string) (args []string) {
	for i, c := range m.cards() {
		id, place := fmt.Sprintf("net%d", i), i+1
		if c.Preferred {
			place = 0
		}
		device := c.NIC + ",netdev=" + id + ",mac=" + c.MAC + strings.ReplaceAll(boot, "%d", fmt.Sprint(place))
		if m.Firmware == UEFI && c.NIC == virtio {
			device += ",romfile="
		}
		args = append(args, "-netdev", "tap,id="+id+",script=no,downscript=no,ifname="+c.Tap, "-device", device)
	}
	return args
}

// uuid is the machine's SMBIOS UUID (RFC 9562 version 8: made from its MAC address).
func (m *Machine) uuid() string {
	u := sha256.Sum256([]byte(m.MAC))
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// emulation is QEMU's TCG with a small buffer for translated code: 128 MiB instead of 1 GiB. What was translated before a machine restarted
// stays in the buffer until that is full, and slows down each write to the memory that the code was in: with the large buffer
// a machine that had run Linux took 70 s to boot again instead of 25, with iPXE ten times as slow as in its first boot.
const emulation = "tcg,thread=multi,tb-size=128"

// emulated is the processor of machines that are emulated: without the instructions for vectors and ciphers, for which programs choose ways
// that are the slow ones here. Without AVX2, searching a byte is 4 times as fast, and without AES, TLS takes ChaCha20, which is 4 times as fast.
const emulated = "max,-avx,-avx2,-aes,-pclmulqdq"

// Arguments are for the kernel's command line of a lab's machines: its messages go to the serial console, and it takes the time from the
// processor. An emulated processor with several cores does not say that their clocks agree, as they do; Linux would read the time
// from a device then, in 7 times as long.
const Arguments = "console=ttyS0 tsc=reliable"

func processor() string {
	if accelerator() == emulation {
		return emulated
	}
	return "max"
}

// accelerator is KVM where the processor has it and a machine can really be made with it, else emulation. Some hosts offer /dev/kvm on a
// processor without it: firmware there runs for minutes.
func accelerator() string {
	const kvmCreateVM = 0xAE01 // KVM_CREATE_VM, linux/kvm.h
	if cpu, err := os.ReadFile("/proc/cpuinfo"); err != nil || !regexp.MustCompile(`\b(vmx|svm)\b`).Match(cpu) {
		return emulation
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return emulation
	}
	defer f.Close()
	vm, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), kvmCreateVM, 0)
	if errno != 0 {
		return emulation
	}
	_ = unix.Close(int(vm))
	return "kvm"
}
