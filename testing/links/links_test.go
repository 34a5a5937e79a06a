package links_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"viver/testing/links"
)

// TestMain lets this program be what runs on the hosts: `TEST serve` sends zeros to whoever connects, `TEST take ADDRESS BYTES` takes
// so many and prints how long that took.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "take") {
		if err := onHost(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func onHost(args []string) error {
	if args[0] == "take" {
		return take(args[1], args[2])
	}
	l, err := net.Listen("tcp", ":5000")
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for p := make([]byte, 64<<10); err == nil; {
				_, err = conn.Write(p)
			}
		}()
	}
}

func take(address, count string) error {
	var bytes int64
	if _, err := fmt.Sscan(count, &bytes); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := time.Now()
	if _, err := io.CopyN(io.Discard, conn, bytes); err != nil {
		return err
	}
	fmt.Println(time.Since(begin).Seconds())
	return nil
}

// open makes a room and has host a send.
func open(t *testing.T, name string, rate links.Rate, hosts ...string) *links.Room {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	r, err := links.Open(t.Context(), name, rate, hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	serve := r.Command(t.Context(), hosts[0], self(t), "serve")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	if _, err := fmt.Fscan(out, new(string)); err != nil {
		t.Fatal(err)
	}
	return r
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// speed returns how fast a host gets bytes from host a, in Mbit/s; 0: it cannot reach it.
func speed(t *testing.T, r *links.Room, host string, bytes int) float64 {
	t.Helper()
	out, err := r.Command(t.Context(), host, self(t), "take", r.Address(r.Hosts()[0]).String()+":5000", fmt.Sprint(bytes)).CombinedOutput()
	if err != nil {
		t.Logf("%s: %v: %s", host, err, strings.TrimSpace(string(out)))
		return 0
	}
	var seconds float64
	if _, err := fmt.Sscan(string(out), &seconds); err != nil {
		t.Fatal(err)
	}
	return float64(bytes) * 8 / 1e6 / seconds
}

// TestLinesHaveTheirRate measures lines, and changes them. A computer that is busy with other things can only make them slower.
func TestLinesHaveTheirRate(t *testing.T) {
	r := open(t, "test-rate", 80*links.Mbit, "a", "b")
	if got := speed(t, r, "b", 5_000_000); got > 80 || got < 20 {
		t.Errorf("a line of 80 Mbit/s has %.1f", got)
	}
	if err := r.SetRate(t.Context(), 20*links.Mbit); err != nil {
		t.Fatal(err)
	}
	if got := speed(t, r, "b", 2_000_000); got > 20 || got < 5 {
		t.Errorf("a line of 20 Mbit/s has %.1f", got)
	}
}

func TestCutSplitAndJoin(t *testing.T) {
	r := open(t, "test-cut", 100*links.Mbit, "a", "b", "c")
	reached := func() string {
		var list []string
		for _, h := range []string{"b", "c"} {
			if speed(t, r, h, 1000) > 0 {
				list = append(list, h)
			}
		}
		return strings.Join(list, " ")
	}
	for _, step := range []struct {
		name   string
		change func() error
		want   string
	}{
		{"nothing", func() error { return nil }, "b c"},
		{"cut c", func() error { return r.Cut(t.Context(), "c") }, "b"},
		{"join c", func() error { return r.Join(t.Context(), "c") }, "b c"},
		{"split a and b off", func() error { return r.Split(t.Context(), "a", "b") }, "b"},
		{"join all", func() error { return r.Join(t.Context()) }, "b c"},
	} {
		if err := step.change(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := reached(); got != step.want {
			t.Errorf("after %s, a is reached from %q, not from %q", step.name, got, step.want)
		}
	}
	if err := r.Cut(t.Context(), "nobody"); err == nil {
		t.Error("the line of a host that is not there was cut")
	}
}

// TestReset breaks a connection under way.
func TestReset(t *testing.T) {
	r := open(t, "test-reset", links.Mbit, "a", "b")
	take := r.Command(t.Context(), "b", self(t), "take", r.Address("a").String()+":5000", "100000000")
	var said strings.Builder
	take.Stderr = &said
	if err := take.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- take.Wait() }()
	for {
		if err := r.Reset(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(said.String(), "reset") {
				t.Errorf("it ended with %v: %s", err, said.String())
			}
			return
		case <-t.Context().Done():
			t.Fatal("the connection goes on")
		case <-time.After(50 * time.Millisecond): // it may not have connected yet
		}
	}
}

// TestRemovesWhatWasLeft opens a room, gives its lock back as the kernel does for a killed process, and opens it again.
func TestRemovesWhatWasLeft(t *testing.T) {
	r := open(t, "test-left", 100*links.Mbit, "a", "b")
	if _, err := links.Open(t.Context(), "test-left", links.Mbit, "a"); err == nil {
		t.Fatal("a room that is open was opened again")
	}
	links.Forget(r)
	again, err := links.Open(t.Context(), "test-left", 100*links.Mbit, "c")
	if err != nil {
		t.Fatal(err)
	}
	left := func() (list []string) {
		entries, err := os.ReadDir("/run/netns")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "viver-links-test-left") {
				list = append(list, e.Name())
			}
		}
		return list
	}
	if got := strings.Join(left(), " "); got != "viver-links-test-left viver-links-test-left.c" {
		t.Errorf("there are the namespaces %s", got)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := left(); len(got) > 0 {
		t.Errorf("%v are left", got)
	}
}
