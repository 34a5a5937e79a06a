package ports_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viver/pacs/netboot/ports"
)

func TestHolderIsThisProcess(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	defer tcp.Close()
	want := fmt.Sprintf("(PID %d)", os.Getpid())
	for network, port := range map[string]int{"udp": udp.LocalAddr().(*net.UDPAddr).Port, "tcp": tcp.Addr().(*net.TCPAddr).Port} {
		if got := ports.Holder("/proc", network, port); !strings.Contains(got, want) {
			t.Errorf("%s port %d is held by %q, want %s", network, port, got, want)
		}
	}
}

func TestHolderUnknown(t *testing.T) {
	proc := t.TempDir()
	if got := ports.Holder(proc, "udp", 67); got != "another program" {
		t.Errorf("with an empty proc: %q", got)
	}
	if err := os.Mkdir(filepath.Join(proc, "net"), 0o755); err != nil {
		t.Fatal(err)
	}
	table := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\nshort\n" +
		"  1: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2\n"
	if err := os.WriteFile(filepath.Join(proc, "net/udp"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := ports.Holder(proc, "udp", 67); got != "another program" {
		t.Errorf("with a socket and no process: %q", got)
	}
}
