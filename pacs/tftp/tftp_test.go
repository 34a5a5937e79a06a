package tftp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"viver/nodeimage/spec"
)

// folders makes a folder of boot programs, one of which takes many blocks, and a folder of further files beside a secret.
func folders(t *testing.T) (programs, extra string) {
	dir := t.TempDir()
	programs, extra = filepath.Join(dir, "ipxe"), filepath.Join(dir, "extra")
	for name, data := range map[string][]byte{
		"ipxe/undionly.kpxe": bytes.Repeat([]byte("undi"), 18553), "ipxe/ipxe.pxe": []byte("pxe"), "ipxe/snponly.efi": make([]byte, 1024),
		"ipxe/ipxe.efi": nil, "ipxe/other": []byte("other"), "extra/grub/grub.cfg": []byte("set timeout=0"), "secret": []byte("secret"),
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(extra, "link")); err != nil {
		t.Fatal(err)
	}
	return programs, extra
}

func TestNames(t *testing.T) {
	programs, extra := folders(t)
	f, err := openFiles(programs, extra)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for name, found := range map[string]bool{
		"ipxe.pxe": true, "/ipxe.pxe": true, "//ipxe.pxe": true, `\ipxe.pxe`: true, "./ipxe.pxe": true, "../../ipxe.pxe": true,
		"grub/grub.cfg": true, "/grub//grub.cfg": true, `grub\grub.cfg`: true,
		"other": false, "": false, "/": false, ".": false, "..": false, "grub": false, "secret": false, "../secret": false, `..\secret`: false,
		"link": false, "/etc/passwd": false, "../../../../etc/passwd": false, "ipxe.pxe\x00.txt": false,
	} {
		file, err := f.open(name)
		if (err == nil) != found {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			file.Close()
		}
	}
}

func TestRunRefuses(t *testing.T) {
	programs, extra := folders(t)
	busy, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for config, want := range map[string]string{
		`{"root":"/"}`:                 "unknown field",
		`{"ipxe_dir":"` + extra + `"}`: "apt-get install ipxe",
		`{"ipxe_dir":"` + programs + `","extra":"/no/such/folder"}`:                    "extra",
		`{"ipxe_dir":"` + programs + `","listen":"` + busy.LocalAddr().String() + `"}`: "(PID ",
	} {
		start := spec.UnitStart{Unit: spec.UnitSpec{Config: []byte(config)}}
		if err := Run(t.Context(), start, func(spec.UnitEvent) { t.Error("ready") }, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}

// running starts the unit on the loopback and returns its address and its log.
func running(t *testing.T) (*net.UDPAddr, *record) {
	programs, extra := folders(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready, done, log := make(chan string, 1), make(chan error, 1), new(record)
	start := spec.UnitStart{Unit: spec.UnitSpec{Config: []byte(`{"listen":"127.0.0.1:0","ipxe_dir":"` + programs + `","extra":"` + extra + `"}`)}}
	go func() {
		done <- Run(ctx, start, func(e spec.UnitEvent) { ready <- e.Ready.Detail }, slog.New(slog.NewTextHandler(log, nil)))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case detail := <-ready:
		addr, err := net.ResolveUDPAddr("udp", strings.TrimPrefix(detail, "boot files on "))
		if err != nil {
			t.Fatal(err)
		}
		return addr, log
	case err := <-done:
		t.Fatal(err)
		return nil, nil
	}
}

// record is a log that several goroutines write to.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func needTool(t *testing.T, name, pkg string) {
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", name, pkg)
	}
	t.Skipf("%s is missing: apt-get install %s", name, pkg)
}

func TestForeignClients(t *testing.T) {
	needTool(t, "tftp", "tftp-hpa")
	needTool(t, "curl", "curl")
	addr, _ := running(t)
	port := strings.TrimPrefix(addr.String(), "127.0.0.1:")
	out := filepath.Join(t.TempDir(), "out")
	clients := map[string]func(name string) *exec.Cmd{
		"tftp-hpa": func(name string) *exec.Cmd {
			return exec.CommandContext(t.Context(), "tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", name, out)
		},
		"curl": func(name string) *exec.Cmd {
			return exec.CommandContext(t.Context(), "curl", "-sS", "-o", out, "tftp://"+addr.String()+"//"+name)
		},
	}
	for client, get := range clients {
		for name, want := range map[string][]byte{
			"undionly.kpxe": bytes.Repeat([]byte("undi"), 18553), "snponly.efi": make([]byte, 1024), "ipxe.efi": {}, "grub/grub.cfg": []byte("set timeout=0"),
		} {
			os.Remove(out)
			if said, err := get(name).CombinedOutput(); err != nil || len(said) > 0 {
				t.Errorf("%s %s: %v %s", client, name, err, said)
			}
			if got, err := os.ReadFile(out); !bytes.Equal(got, want) && len(want) > 0 {
				t.Errorf("%s %s: %d bytes, want %d (%v)", client, name, len(got), len(want), err)
			}
		}
		said, _ := get("../secret").CombinedOutput()
		if got, _ := os.ReadFile(out); strings.Contains(string(got), "secret") {
			t.Errorf("%s got the secret: %s", client, said)
		}
	}
}

// exchange sends one packet and returns the answer, or nil after a while.
func exchange(t *testing.T, to *net.UDPAddr, packet []byte) (*net.UDPConn, *net.UDPAddr, []byte) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.WriteToUDP(packet, to); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 2048)
	n, from, err := conn.ReadFromUDP(buf)
	if err != nil {
		t.Fatal(err)
	}
	return conn, from, buf[:n]
}

func request(opcode byte, fields ...string) []byte {
	return append([]byte{0, opcode}, strings.Join(fields, "\x00")+"\x00"...)
}

func TestErrorsSayNothingOfFolders(t *testing.T) {
	addr, _ := running(t)
	for _, packet := range [][]byte{request(1, "../secret", "octet"), request(1, "grub", "octet", "tsize", "0"), request(2, "ipxe.pxe", "octet")} {
		_, _, answer := exchange(t, addr, packet)
		if binary.BigEndian.Uint16(answer) != 5 || strings.Contains(string(answer), "/") {
			t.Errorf("%q was answered with %q", packet, answer)
		}
	}
}

// UEFI asks for the size first and breaks off; that is no trouble.
func TestFirmwareAsksForTheSize(t *testing.T) {
	addr, log := running(t)
	conn, from, answer := exchange(t, addr, request(1, "undionly.kpxe", "octet", "tsize", "0", "blksize", "1468"))
	if got := string(answer[2:]); answer[1] != 6 || !strings.Contains(got, "tsize\x0074212\x00") || !strings.Contains(got, "blksize\x001468\x00") {
		t.Fatalf("answer %q", answer)
	}
	if _, err := conn.WriteToUDP([]byte("\x00\x05\x00\x08User aborted the transfer\x00"), from); err != nil {
		t.Fatal(err)
	}
	// The next transfer is asked for after the first has ended; its own line is then in the log after the first one's.
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), "User aborted"); {
		if time.Now().After(deadline) {
			t.Fatalf("log: %s", log)
		}
		exchange(t, addr, request(1, "nothing", "octet"))
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "User aborted") && !strings.Contains(line, "level=INFO") {
			t.Error(line)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	addr, _ := running(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			conn, from, answer := exchange(t, addr, request(1, "ipxe.pxe", "octet"))
			if string(answer) != "\x00\x03\x00\x01pxe" {
				t.Errorf("answer %q", answer)
			}
			if _, err := conn.WriteToUDP([]byte("\x00\x04\x00\x01"), from); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"ipxe.pxe", "../secret", `..\..\secret`, "//", "grub/../../secret", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		programs, extra := folders(t)
		all, err := openFiles(programs, extra)
		if err != nil {
			t.Fatal(err)
		}
		defer all.close()
		file, err := all.open(name)
		if err != nil {
			return
		}
		defer file.Close()
		data := make([]byte, 6)
		if n, _ := file.Read(data); string(data[:n]) == "secret" {
			t.Fatalf("%q leads to the secret", name)
		}
	})
}
