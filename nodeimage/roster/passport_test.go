package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"path/filepath"
	"testing"

	"viver/nodeimage/spec"
)

func publicKey(t *testing.T, seed byte) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)).Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// The first key of a boot is the machine's, also after the agent has started anew.
func TestKeyIsPinned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roster.json")
	r := open(t, path)
	put(t, r, spec.NodeSpec{Name: "pc01", Image: desk})
	q := request(1, 1)
	q.PublicKey = publicKey(t, 1)
	name, token := join(t, r, q)
	r = open(t, path)
	if got, key, err := r.Holder(spec.PassportRequest{MAC: q.MAC, Token: token}); err != nil || got != name || !bytes.Equal(key, q.PublicKey) {
		t.Errorf("%s, %x, %v", got, key, err)
	}
	thief := q
	thief.PublicKey = publicKey(t, 2)
	if _, _, err := r.Join(thief); !errors.Is(err, ErrRefused) {
		t.Errorf("another key in the same boot: %v", err)
	}
	if _, again := join(t, r, q); again != token {
		t.Error("the same key is not the same machine")
	}
	for what, bad := range map[string]spec.PassportRequest{
		"another token":   {MAC: q.MAC, Token: token + "x"},
		"no token":        {MAC: q.MAC},
		"another machine": {MAC: mac(2), Token: token},
	} {
		if _, _, err := r.Holder(bad); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	next := request(1, 2) // a boot of an earlier version
	_, token = join(t, r, next)
	if _, _, err := r.Holder(spec.PassportRequest{MAC: q.MAC, Token: token}); !errors.Is(err, ErrRefused) {
		t.Errorf("the key of a former boot: %v", err)
	}
	last := request(1, 3)
	last.PublicKey = publicKey(t, 3)
	_, token = join(t, r, last)
	if err := r.RemoveNode("pc01"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Holder(spec.PassportRequest{MAC: q.MAC, Token: token}); !errors.Is(err, ErrRefused) {
		t.Errorf("a machine that was taken out: %v", err)
	}
}
