package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/spec"
	"viver/testing/lab"
	"viver/testing/room"
)

// library is a room of three machines that uses the Pacs of the library: pc01 serves, pc03 has a disk and dies once.
type library struct {
	*room.Room
	disk   string
	before map[string]string // digests of the disk's partitions
}

// TestLibrary uses each service as a person would. It has not been seen to pass as a whole yet, so it waits to be asked for.
func TestLibrary(t *testing.T) {
	if os.Getenv("LIBRARY") == "" {
		t.Skip("set LIBRARY=1: three machines with 3 GB together, and an image of their own")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	l := openLibrary(ctx, t)
	bringUp(ctx, t, l.Room)
	inOrder(t, []part{
		{"a clock that is wrong is set right", with(ctx, l.checkTime)},
		{"each service is used", sideBySide(
			part{"messages stand on the server", with(ctx, l.checkLogs)},
			part{"language, keys and time zone are German", with(ctx, l.checkLocale)},
			part{"programs get more memory than there is", with(ctx, l.checkSwap)},
			part{"only marked disks are used", with(ctx, l.checkDisks)},
			part{"the page shows all nodes", with(ctx, l.checkPage)},
		)},
		{"an MPI program runs over all nodes", with(ctx, l.checkMPI)},
		{"nine files are encoded on one, two and three machines", with(ctx, l.checkFarm)},
		{"a node dies: it is seen, and its file is encoded elsewhere", with(ctx, l.checkDeath)},
		{"it comes back and has all again", with(ctx, l.checkReturn)},
		{"a plan finds nothing to do", with(ctx, l.checkPlan)},
		{"destroy leaves the disk as it was", with(ctx, l.checkEnd)},
	})
}

func openLibrary(ctx context.Context, t *testing.T) *library {
	t.Helper()
	l := &library{disk: filepath.Join(t.TempDir(), "disk")}
	tool(ctx, t, "sh", "-ec", markedDisk, "sh", l.disk)
	l.before = l.partitions(t)
	l.Room = openConfig(t, "testdata/library", "e2e-library", nil,
		lab.Machine{Name: "vm1", MemoryMB: 1024}, lab.Machine{Name: "vm2", MemoryMB: 768}, lab.Machine{Name: "vm3", MemoryMB: 768, Disk: l.disk})
	var macs []string
	for _, m := range l.Lab.Machines {
		macs = append(macs, m.MAC)
	}
	list, err := json.Marshal(macs)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(l.Dir, "macs.auto.viver.vars.json"), fmt.Sprintf(`{"macs": %s}`, list))
	return l
}

func (l *library) checkTime(ctx context.Context, t *testing.T) {
	on(ctx, t, l.Room, "pc02", "date -s '+1 hour' >/dev/null; service chrony restart; chronyc -n waitsync 60 0.5 >/dev/null")
	here, there := l.clock(ctx, t, "pc01"), l.clock(ctx, t, "pc02")
	if off := there.Sub(here); off.Abs() > 30*time.Second { // the commands come one after the other
		t.Errorf("pc02's clock is %s ahead of pc01's", off)
	}
	if sources := on(ctx, t, l.Room, "pc02", "chronyc -n sources"); !strings.Contains(sources, "^* "+machine(ctx, t, l.Room, "pc01").Address) {
		t.Errorf("pc02 follows\n%s", sources)
	}
}

func (l *library) clock(ctx context.Context, t *testing.T, node string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05-07:00", on(ctx, t, l.Room, node, "date -Iseconds"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (l *library) checkLogs(ctx context.Context, t *testing.T) {
	logged := func(text string) func() bool {
		return func() bool {
			return strings.Contains(on(ctx, t, l.Room, "pc01", "cat /var/log/hosts/pc02.log 2>/dev/null || :"), text)
		}
	}
	on(ctx, t, l.Room, "pc02", "logger --tag exam 'first message'; echo h >/proc/sysrq-trigger") // what is written to /dev/kmsg does not count as the kernel's
	waitFor(ctx, t, "the message is on the server", logged("first message"))
	waitFor(ctx, t, "the kernel's is too", logged("sysrq: HELP"))
	on(ctx, t, l.Room, "pc01", "systemctl stop syslog.socket rsyslog")
	on(ctx, t, l.Room, "pc02", "logger --tag exam 'one that waits'; logger --tag exam 'and another'")
	on(ctx, t, l.Room, "pc01", "service rsyslog start")
	waitFor(ctx, t, "what was sent meanwhile comes", logged("and another"))
}

func (l *library) checkLocale(ctx context.Context, t *testing.T) {
	if got := on(ctx, t, l.Room, "pc02", "su --login --command \"date --date '2026-01-03 12:00' '+%A %Z'\""); got != "Samstag CET" {
		t.Errorf("the day is %s", got)
	}
	if got := on(ctx, t, l.Room, "pc02", "dumpkeys --console=/dev/tty1 | grep -E 'keycode +21 ='"); !regexp.MustCompile(`= \+?z`).MatchString(got) {
		t.Errorf("the key between T and U is\n%s", got)
	}
}

func (l *library) checkSwap(ctx context.Context, t *testing.T) {
	used := on(ctx, t, l.Room, "pc02", `kilobytes=$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) + 65536))
		head -c "$kilobytes"K /dev/zero | tail -c "$kilobytes"K | { head -c 1 >/dev/null; awk '/^SwapTotal/ { all = $2 } /^SwapFree/ { print all - $2 }' /proc/meminfo; cat >/dev/null; }`)
	t.Logf("KiB that were swapped to compressed RAM: %s", used)
	if strings.TrimLeft(used, "0") == "" {
		t.Error("a program that holds more than there was free did not make it swap")
	}
}

// checkPage looks at the page as a browser gets it.
func (l *library) checkPage(ctx context.Context, t *testing.T) {
	waitFor(ctx, t, "the page shows three nodes", func() bool { return strings.Contains(l.page(ctx, t), "3 of 3 nodes are up") })
	waitFor(ctx, t, "it shows their load", func() bool {
		return len(regexp.MustCompile(`(?s)<td class="up">up</td>\s*<td>\d+\.\d\d</td>\s*<td>[\d.]+%</td>\s*<td>[\d.]+%</td>`).FindAllString(l.page(ctx, t), -1)) == 3
	})
}

// page is what the output of the configuration leads to.
func (l *library) page(ctx context.Context, t *testing.T) string {
	t.Helper()
	url, err := l.Viver(ctx, "output", "--raw", "page").Output()
	if err != nil {
		t.Fatal(err)
	}
	page, err := l.Lab.Command(ctx, "curl", "-sf", "--max-time", "10", strings.TrimSpace(string(url))).Output()
	if err != nil {
		t.Logf("the page: %v", err)
	}
	return string(page)
}

func (l *library) checkPlan(ctx context.Context, t *testing.T) {
	if code, out := plan(ctx, t, l.Room); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// checkReturn switches the dead node on again.
func (l *library) checkReturn(ctx context.Context, t *testing.T) {
	vm, former := virtual(ctx, t, l.Room, "pc03"), machine(ctx, t, l.Room, "pc03")
	if err := l.Lab.PowerOn(ctx, vm.Name); err != nil {
		t.Fatal(err)
	}
	waitFor(ctx, t, "pc03 has joined again", func() bool {
		m := machine(ctx, t, l.Room, "pc03")
		return m.BootID != former.BootID && m.Stage() == spec.StageJoined
	})
	for _, s := range machine(ctx, t, l.Room, "pc03").Steps {
		if s.Status == spec.StepFailed {
			t.Errorf("%s: %s", s.ID, s.Output)
		}
	}
	waitFor(ctx, t, "the page shows three nodes", func() bool { return strings.Contains(l.page(ctx, t), "3 of 3 nodes are up") })
	if got := on(ctx, t, l.Room, "pc01", "sinfo --noheader --nodes=pc03 --format %T"); got != "idle" {
		t.Errorf("in the queue it is %s", got)
	}
	if got := on(ctx, t, l.Room, "pc03", "cat /scratch/data/mine; swapon --noheadings --show=NAME | sort"); got != "written before\n"+swaps {
		t.Errorf("its disk has\n%s", got)
	}
	on(ctx, t, l.Room, "pc03", "chronyc -n waitsync 60 0.5 >/dev/null")
}
