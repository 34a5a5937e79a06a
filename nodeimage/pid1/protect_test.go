package pid1

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets this binary be the process that is protected.
func TestMain(m *testing.M) {
	if os.Args[0] == "@protected" {
		fmt.Printf("ready %v\n", Protect())
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		fmt.Println("done")
		return
	}
	os.Exit(m.Run())
}

// A protected process goes on after SIGSTOP and SIGTERM, and is found by its name.
func TestProtect(t *testing.T) {
	cmd := exec.Cmd{Path: "/proc/self/exe", Args: []string{"@protected"}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer func() {
		watchdog.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("it did not get ready: %v", lines.Err())
	}
	pid := cmd.Process.Pid
	checkProtection(t, pid, strings.TrimPrefix(lines.Text(), "ready "))
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGSTOP, unix.SIGHUP, unix.SIGSTOP} {
		if err := unix.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(stdin)
	if !lines.Scan() || lines.Text() != "done" { // only a process that runs can say it
		t.Errorf("got %q (%v), want \"done\"", lines.Text(), lines.Err())
	}
}

// checkProtection looks at a process that said "<nil>" or what it may not do: containers seldom allow all of it.
func checkProtection(t *testing.T, pid int, said string) {
	t.Helper()
	if pids := named("@protected"); !slices.Contains(pids, pid) {
		t.Errorf("%d is not among %v", pid, pids)
	}
	if said != "<nil>" {
		t.Logf("not all is allowed here: %s", said)
		return
	}
	if score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid)); err != nil || strings.TrimSpace(string(score)) != "-1000" {
		t.Errorf("score %q, %v", score, err)
	}
}
