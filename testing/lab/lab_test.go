package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"viver/testing/lab"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// name is unlike that of any other test process on the machine.
func name() string { return fmt.Sprintf("test-%d", os.Getpid()) }

func up(t *testing.T, l lab.Lab) *lab.Lab {
	t.Helper()
	needRoot(t)
	got, err := lab.Up(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := got.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return got
}

func TestLabLivesAndGoes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l := up(t, lab.Lab{Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{Name: "a", MemoryMB: 128}, {Firmware: lab.UEFI, MemoryMB: 256, More: []lab.Card{{NIC: "e1000", Network: "aside"}}}}})
	if _, err := lab.Up(ctx, *l); !errors.Is(err, lab.ErrExists) {
		t.Errorf("a second lab of that name: %v", err)
	}
	again, err := lab.Open(l.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"a", "vm2"} {
		if err := again.PowerOn(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	waitForConsole(ctx, t, again, "a", "SeaBIOS")
	out, err := again.Command(ctx, "ip", "-o", "address", "show", lab.Bridge).Output()
	if err != nil || !strings.Contains(string(out), "10.77.0.1/24") {
		t.Errorf("the host's address on the bridge: %s, %v", out, err)
	}
	if err := again.PowerOff(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	a, _ := again.Machine("a")
	if code, err := a.Wait(ctx); err != nil || code != 137 {
		t.Errorf("a machine whose plug was pulled ended with %d, %v", code, err)
	}
	checkGone(ctx, t, again)
}

func waitForConsole(ctx context.Context, t *testing.T, l *lab.Lab, machine, want string) {
	t.Helper()
	m, _ := l.Machine(machine)
	var log []byte
	for !bytes.Contains(log, []byte(want)) {
		if ctx.Err() != nil {
			t.Fatalf("%s never said %q but %q", machine, want, log)
		}
		log, _ = os.ReadFile(m.SerialLog())
		time.Sleep(50 * time.Millisecond)
	}
}

func checkGone(ctx context.Context, t *testing.T, l *lab.Lab) {
	t.Helper()
	m, _ := l.Machine("vm2")
	if err := l.Down(ctx); err != nil {
		t.Fatal(err)
	}
	if m.Running() {
		t.Error("a machine runs on after its lab")
	}
	names, err := lab.List()
	if err != nil || strings.Contains(strings.Join(names, " "), l.Name) {
		t.Errorf("after Down the labs are %v, %v", names, err)
	}
	if err := l.Down(ctx); err != nil {
		t.Errorf("a second Down: %v", err)
	}
}

func TestRemoveAfterCrash(t *testing.T) {
	l := up(t, lab.Lab{Name: name(), Address: "10.77.0.1/24"})
	beside, err := l.Beside(t.Context(), "10.77.0.2/24")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := beside(t.Context(), "curl", "--silent", "--show-error", "http://10.77.0.1").CombinedOutput(); !strings.Contains(string(out), "Couldn't connect") {
		t.Errorf("the host beside does not reach the lab's: %s, %v", out, err)
	}
	ended := []*exec.Cmd{l.Command(context.Background(), "sleep", "1000"), beside(context.Background(), "sleep", "1000")}
	for _, cmd := range ended {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(lab.Root + "/" + l.Name); err != nil { // as if the machine had lost it
		t.Fatal(err)
	}
	if _, err := lab.Open(l.Name); err == nil {
		t.Error("a lab without its description was opened")
	}
	if err := lab.Remove(t.Context(), l.Name); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range ended {
		if err := cmd.Wait(); err == nil {
			t.Errorf("a process in the lab was not ended: %v", cmd.Args)
		}
	}
}

func TestConsoleOfMachineThatIsOff(t *testing.T) {
	l := up(t, lab.Lab{Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{Name: "a"}}})
	err := l.Console(t.Context(), "a", strings.NewReader(""), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "is off") {
		t.Error(err)
	}
}

func TestUpRefuses(t *testing.T) {
	needRoot(t)
	for want, l := range map[string]lab.Lab{
		"cannot be a lab's name": {Name: "../etc", Address: "10.77.0.1/24"},
		"address of the host":    {Name: name(), Address: "10.77.0.1"},
		"is there twice":         {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{Name: "a"}, {Name: "a"}}},
		"want bios or uefi":      {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{Firmware: "coreboot"}}},
		"have one address":       {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{MAC: "52:54:00:00:00:01", More: []lab.Card{{MAC: "52:54:00:00:00:01"}}}}},
		"neither lo nor like":    {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{More: []lab.Card{{Network: "tap0"}}}}},
		"network card":           {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{NIC: "x,y"}}},
		"BIOS machine with a":    {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{BootDisk: true}}},
		"want at least 128":      {Name: name(), Address: "10.77.0.1/24", Machines: []lab.Machine{{MemoryMB: 1}}},
	} {
		if _, err := lab.Up(t.Context(), l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}
