package nbd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/nbd"
)

func TestNbdinfoShowsHeldRanges(t *testing.T) {
	tool(t, "nbdinfo")
	address := serve(t, map[string]nbd.Device{"sha256:aa": holey{healthy{slow{content(8192)}}, "xx__x_xx"}})
	out, err := exec.Command("nbdinfo", "--json", "--map="+nbd.ContextHeld, "nbd://"+address+"/sha256:aa").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	type extent struct {
		Offset, Length int64
		Type           int
	}
	var got []extent
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := []extent{{0, 2048, 1}, {2048, 2048, 0}, {4096, 1024, 1}, {5120, 1024, 0}, {6144, 2048, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// nbdcopy reads under TLS with certificates that both ends check, and is refused without.
func TestNbdcopyUnderTLS(t *testing.T) {
	tool(t, "nbdcopy")
	ca, data := newAuthority(t), content(9<<20+4096)
	address := serveAs(t, nbd.Server{
		Exports: map[string]nbd.Device{"m": mapped(t, data), "s": healthy{slow{data}}}, TLS: ca.config(t, "server"), RequireTLS: true,
	})
	for _, export := range []string{"m", "s"} {
		to := filepath.Join(t.TempDir(), "copy")
		out, err := exec.Command("nbdcopy", "nbds://"+address+"/"+export+"?tls-certificates="+ca.dir, to).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", export, err, out)
		}
		if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: the copy differs: %v", export, err)
		}
	}
	for _, uri := range []string{"nbd://" + address + "/m", "nbds://" + address + "/m?tls-certificates=" + newAuthority(t).dir} {
		if out, err := exec.Command("nbdcopy", uri, "null:").CombinedOutput(); err == nil {
			t.Errorf("%s was served: %s", uri, out)
		}
	}
}

func TestClientAgainstNbdkitUnderTLS(t *testing.T) {
	tool(t, "nbdkit")
	ca, data := newAuthority(t), content(5<<20+4096)
	file, socket := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "socket")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "nbdkit", "-f", "-r", "-U", socket, "--tls=require", "--tls-certificates="+ca.dir, "--tls-verify-peer", "file", file)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	open := func(who *authority) (*nbd.Client, error) {
		conn := dialUnix(t, socket)
		return nbd.NewClientTLS(t.Context(), conn, "", strangerWithRoot(t, who, ca))
	}
	c, err := open(ca)
	if err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	defer c.Close()
	got := make([]byte, len(data))
	if err := c.ReadAt(t.Context(), got, 0); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v: %s", err, &log)
	}
	if c, err := open(newAuthority(t)); err == nil {
		c.Close()
		t.Error("nbdkit took a client of another authority")
	}
}

// dialUnix connects to a foreign process that may not listen yet, for which there is nothing but to try.
func dialUnix(t *testing.T, path string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
