// Package pxe_test boots virtual machines' real firmware from the boot units, as far as the kernel: BIOS and UEFI, alone and beside another
// DHCP server. Everything after the kernel is the business of the end-to-end tests.
package pxe_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"viver/nodeimage/imagestore"
	"viver/nodeimage/spec"
	"viver/pacs/dhcp"
	"viver/pacs/netboot"
	"viver/pacs/tftp"
	"viver/testing/lab"
)

// TestMain lets the test binary be the server's units, which run in the lab's namespace.
func TestMain(m *testing.M) {
	if os.Getenv("PXE_TEST_UNITS") == "" {
		os.Exit(m.Run())
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs the units whose UnitStart documents come on standard input; their events go to standard output.
func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var mu sync.Mutex
	events := json.NewEncoder(os.Stdout)
	emit := func(e spec.UnitEvent) {
		mu.Lock()
		defer mu.Unlock()
		events.Encode(e)
	}
	programs := map[string]func(context.Context, spec.UnitStart, func(spec.UnitEvent), *slog.Logger) error{"dhcp": dhcp.Run, "tftp": tftp.Run, "netboot": netboot.Run}
	var starts []spec.UnitStart
	if err := json.NewDecoder(os.Stdin).Decode(&starts); err != nil {
		return err
	}
	ended := make(chan error, len(starts))
	for _, start := range starts {
		go func() { ended <- programs[start.Unit.Type](ctx, start, emit, log) }()
	}
	var all error
	for range starts {
		err := <-ended
		if err != nil {
			stop()
		}
		all = errors.Join(all, err)
	}
	return all
}

// image makes a store with an image whose kernel no machine can start: iPXE loads it, says so, and begins again.
func image(t *testing.T) (dir string, id spec.Digest) {
	t.Helper()
	dir = t.TempDir()
	store, err := imagestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 4096)
	file := spec.File{Size: 4096, SHA256: spec.DigestOf(data)}
	draft, err := store.Create(&spec.Manifest{
		Version: 1, Root: spec.Root{Size: 4096, Chunks: []spec.Digest{file.SHA256}}, Files: map[string]spec.File{"vmlinuz": file, "initrd": file},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{imagestore.FileKernel, imagestore.FileInitrd, imagestore.FileRoot} {
		if err := draft.Write(name, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := draft.Commit(); err != nil {
		t.Fatal(err)
	}
	return dir, draft.ID()
}

// room is a lab with the units in it.
type room struct {
	*lab.Lab
	events chan spec.UnitEvent
	log    string // path
}

func newRoom(t *testing.T, machines ...lab.Machine) *room {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a lab needs root")
	}
	l, err := lab.Up(t.Context(), lab.Lab{Name: fmt.Sprintf("pxe-%d", os.Getpid()), Address: "10.20.0.1/24", Machines: machines})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &room{Lab: l, events: make(chan spec.UnitEvent, 100), log: filepath.Join(t.TempDir(), "log")}
}

// serve starts the units and waits until they are ready. It returns what the DHCP unit says of itself.
func (r *room) serve(t *testing.T, mode string) (detail string) {
	t.Helper()
	images, id := image(t)
	var starts []spec.UnitStart
	for kind, config := range map[string]string{
		"dhcp":    `{"interface":"br0","mode":"` + mode + `","boot":{"url":"http://10.20.0.1","bios":"ipxe.pxe","uefi":"snponly.efi"}}`,
		"tftp":    `{"listen":"10.20.0.1:69"}`,
		"netboot": `{"listen":"10.20.0.1:80","url":"http://10.20.0.1","image":"` + string(id) + `","servers":[{"name":"seed","join":"10.20.0.1:10843","nbd":"10.20.0.1:10809"}]}`,
	} {
		starts = append(starts, spec.UnitStart{Unit: spec.UnitSpec{Name: kind, Type: kind, Config: []byte(config)}, ImageDir: images, StateDir: t.TempDir()})
	}
	document, err := json.Marshal(starts)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(r.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := r.Command(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "PXE_TEST_UNITS=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(document), log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(r.events)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e spec.UnitEvent
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				r.events <- e
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-read
		cmd.Wait()
		log.Close()
	})
	for range starts {
		e := r.next(t, 20*time.Second)
		if e.Ready == nil {
			t.Fatalf("event %+v before all units are ready", e)
		}
		if strings.HasSuffix(e.Ready.Detail, " on br0") {
			detail = e.Ready.Detail
		}
	}
	return detail
}

// next returns the next event of a unit.
func (r *room) next(t *testing.T, patience time.Duration) spec.UnitEvent {
	t.Helper()
	select {
	case e, ok := <-r.events:
		if ok {
			return e
		}
		t.Fatalf("the units have ended: %s", r.said())
	case <-time.After(patience):
		t.Fatalf("nothing happens: %s", r.said())
	}
	panic("not reached")
}

func (r *room) said() string {
	text, _ := os.ReadFile(r.log)
	return string(text)
}

// patience is for loaded machines without hardware virtualisation.
const patience = 2 * time.Minute

// boots switches a machine on, checks its two stages, firmware and kernel, and switches it off.
func (r *room) boots(t *testing.T, name, firmware, detail string) {
	t.Helper()
	m, err := r.Machine(name)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := r.PowerOn(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for _, want := range []spec.Stage{spec.StageFirmware, spec.StageKernel} {
		e := r.next(t, patience).Machine
		t.Logf("%s: %s after %.1f s", name, want, time.Since(begin).Seconds())
		if e == nil || e.MAC != m.MAC || e.Stage != want || e.Firmware != firmware {
			t.Fatalf("event %+v, want %s of %s (%s)", e, want, m.MAC, firmware)
		}
		if want == spec.StageFirmware && !strings.HasPrefix(e.Detail, detail) {
			t.Errorf("detail %q, want %q", e.Detail, detail)
		}
	}
	if err := r.PowerOff(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func TestBIOS(t *testing.T) {
	r := newRoom(t, lab.Machine{Name: "bios", MemoryMB: 256})
	r.serve(t, "authoritative")
	r.boots(t, "bios", "bios", "BIOS, 10.20.0.100")
}

func TestUEFI(t *testing.T) {
	r := newRoom(t, lab.Machine{Name: "uefi", Firmware: lab.UEFI, MemoryMB: 512})
	r.serve(t, "authoritative")
	r.boots(t, "uefi", "uefi", "UEFI x64, 10.20.0.100")
	if log := r.said(); !strings.Contains(log, "snponly.efi") || strings.Contains(log, "level=WARN") {
		t.Error(log)
	}
}

// Beside a server that gives addresses and knows nothing of booting, machines boot all the same.
func TestBesideAnotherServer(t *testing.T) {
	r := newRoom(t, lab.Machine{Name: "bios", MemoryMB: 256}, lab.Machine{Name: "uefi", Firmware: lab.UEFI, MemoryMB: 512})
	r.addServer(t)
	if detail := r.serve(t, "auto"); detail != "proxy beside 10.20.0.2 on br0" {
		t.Fatalf("the unit is %s", detail)
	}
	r.boots(t, "bios", "bios", "BIOS")
	r.boots(t, "uefi", "uefi", "UEFI x64")
}

// addServer plugs another machine into the bridge, a namespace, on which busybox's DHCP server runs at 10.20.0.2.
func (r *room) addServer(t *testing.T) {
	t.Helper()
	ns, dir := fmt.Sprintf("viver-pxe-%d", os.Getpid()), t.TempDir()
	ip := func(args ...string) {
		t.Helper()
		if out, err := r.Command(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		t.Fatalf("ip netns add: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "delete", ns).Run() })
	ip("link", "add", "other", "type", "veth", "peer", "name", "eth1", "netns", ns)
	ip("link", "set", "other", "master", lab.Bridge, "up")
	config := filepath.Join(dir, "udhcpd.conf")
	text := fmt.Sprintf("start 10.20.0.200\nend 10.20.0.210\ninterface eth1\noption subnet 255.255.255.0\nlease_file %[1]s/leases\npidfile %[1]s/pid\n", dir)
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o644), os.WriteFile(filepath.Join(dir, "leases"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	const script = `ip link set eth1 up && ip address add 10.20.0.2/24 dev eth1 && exec busybox udhcpd -f "$1"`
	server := exec.Command("ip", "netns", "exec", ns, "sh", "-c", script, "sh", config)
	said, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); !strings.Contains(line, "started") {
		t.Fatalf("udhcpd: %s %v", line, err)
	}
}
