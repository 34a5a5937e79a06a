package e2e_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"viver/nodeimage/pid1/handover"
	"viver/nodeimage/spec"
	"viver/testing/room"
)

// checkPassports takes a node's passport out of its memory, and lets a foreign program read the root under TLS with it.
func checkPassports(ctx context.Context, t *testing.T, r *room.Room) {
	t.Helper()
	// The initramfs is the root of viver's own processes, and of nobody else.
	inside := func(path string) string { return "/proc/$(pgrep -f '^@viver-disk')/root" + path }
	var p spec.Passport
	var doc handover.Document
	for path, into := range map[string]any{handover.PassportPath: &p, handover.Path: &doc} {
		text := on(ctx, t, r, "pc01", "stat -c %a "+inside(path)+" && cat "+inside(path))
		mode, data, _ := strings.Cut(text, "\n")
		if err := spec.Decode([]byte(data), into); err != nil || mode != "600" {
			t.Fatalf("%s has mode %s, %v", path, mode, err)
		}
	}
	block, _ := pem.Decode([]byte(p.Chain))
	if block == nil {
		t.Fatalf("the passport's chain is %q", p.Chain)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if want := spec.MachineName(doc.Bundle.Cluster, "pc01"); cert.Subject.CommonName != "pc01" || len(cert.DNSNames) != 1 || cert.DNSNames[0] != want {
		t.Errorf("the passport is for %s, %q", cert.Subject, cert.DNSNames)
	}
	on(ctx, t, r, "pc01", "test ! -e "+handover.PassportPath)
	dir := t.TempDir()
	for name, text := range map[string]string{"ca-cert.pem": p.Root, "client-cert.pem": p.Chain, "client-key.pem": doc.PassportKey} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The foreign program checks the seed's name, too, so it has to have an address: in a hosts file of its own.
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("10.20.0.1 "+spec.MachineName(doc.Bundle.Cluster, "seed")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	read := func(certificates string, words ...string) *exec.Cmd {
		uri := "nbds://" + spec.MachineName(doc.Bundle.Cluster, "seed") + "/" + string(doc.Bundle.Image) + "?tls-certificates=" + certificates
		args := append([]string{"-m", "sh", "-c", `mount --bind "$0" /etc/hosts && exec nbdinfo "$@"`, hosts}, words...)
		return r.Lab.Command(ctx, "unshare", append(args, uri)...)
	}
	if out, err := read(dir).CombinedOutput(); err != nil || !strings.Contains(string(out), "is_read_only: true") {
		t.Errorf("nbdinfo: %v\n%s", err, out)
	}
	if out, err := read(dir, "--map=viver:held").CombinedOutput(); err != nil || len(strings.Fields(string(out))) != 3 {
		t.Errorf("the seed does not hold all in one piece: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(dir, "client-key.pem")); err != nil {
		t.Fatal(err)
	}
	if out, err := read(dir).CombinedOutput(); err == nil {
		t.Errorf("one without a passport is served under TLS:\n%s", out)
	}
}
