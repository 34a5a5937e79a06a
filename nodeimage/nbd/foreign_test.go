package nbd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viver/nodeimage/nbd"
)

// tool skips the test when a program is missing, but not where all are installed on purpose.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
}

func TestNbdinfo(t *testing.T) {
	tool(t, "nbdinfo")
	data := content(1 << 20)
	address := serve(t, map[string]nbd.Device{"sha256:aa": mapped(t, data), "sha256:bb": slow{data}})
	out, err := exec.Command("nbdinfo", "--json", "--list", "nbd://"+address).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var info struct {
		Exports []struct {
			Name      string `json:"export-name"`
			Size      int64  `json:"export-size"`
			ReadOnly  bool   `json:"is_read_only"`
			MultiConn bool   `json:"can_multi_conn"`
			Preferred int64  `json:"block_size_preferred"`
			Maximum   int64  `json:"block_size_maximum"`
		} `json:"exports"`
	}
	if err := json.Unmarshal(out, &info); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(info.Exports) != 2 {
		t.Fatalf("want two exports: %s", out)
	}
	for i, name := range []string{"sha256:aa", "sha256:bb"} {
		e := info.Exports[i]
		if e.Name != name || e.Size != 1<<20 || !e.ReadOnly || !e.MultiConn || e.Preferred != 4096 || e.Maximum != 32<<20 {
			t.Errorf("nbdinfo sees %+v", e)
		}
	}
}

func TestNbdcopy(t *testing.T) {
	tool(t, "nbdcopy")
	data := content(33<<20 + 4096)
	address := serve(t, map[string]nbd.Device{"m": mapped(t, data), "s": healthy{slow{data}}})
	for _, args := range []string{"m --connections=1", "m --connections=4", "m --synchronous", "s --connections=1", "s --connections=4"} {
		export, option, _ := strings.Cut(args, " ")
		to := filepath.Join(t.TempDir(), "copy")
		if out, err := exec.Command("nbdcopy", option, "nbd://"+address+"/"+export, to).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
		if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: the copy differs: %v", args, err)
		}
	}
	from := filepath.Join(t.TempDir(), "from")
	if err := os.WriteFile(from, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("nbdcopy", from, "nbd://"+address+"/m").CombinedOutput(); err == nil {
		t.Errorf("nbdcopy wrote to a read-only export: %s", out)
	}
}

// healthy is a slow device without a bad block.
type healthy struct{ slow }

func (d healthy) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, d.data[off:])
	return nil
}

func TestClientAgainstNbdkit(t *testing.T) {
	tool(t, "nbdkit")
	checkForeign(t, "", func(file, port string) []string {
		return []string{"nbdkit", "-f", "-r", "-i", "127.0.0.1", "-p", port, "file", file}
	})
}

func TestClientAgainstNbdServer(t *testing.T) {
	tool(t, "nbd-server")
	checkForeign(t, "image", func(file, port string) []string {
		config := file + ".conf"
		text := "[generic]\nlistenaddr = 127.0.0.1\nport = " + port + "\n[image]\nexportname = " + file + "\nreadonly = true\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"nbd-server", "-d", "-C", config}
	})
}

// checkForeign reads a file through the server that command starts.
func checkForeign(t *testing.T, export string, command func(file, port string) []string) {
	data := content(5<<20 + 4096)
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	args := command(file, port)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	c := dialStarting(t, address, export)
	got := make([]byte, len(data))
	if err := c.ReadAt(t.Context(), got, 0); err != nil || c.Size() != int64(len(data)) || !bytes.Equal(got, data) {
		t.Errorf("%d bytes of %d, %v: %s", c.Size(), len(data), err, &log)
	}
}

// dialStarting opens an export of a foreign process that may not listen yet, for which there is nothing but to try. It makes one
// connection only: nbd-server without a fork takes no second.
func dialStarting(t *testing.T, address, export string) *nbd.Client {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := nbd.Dial(t.Context(), address, export)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
