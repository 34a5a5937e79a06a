package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cryptossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// serveAgent serves a keyring on a socket. wait returns when all connections that were opened are closed again, and how many there were.
func serveAgent(t *testing.T, keyring agent.Agent) (socket string, wait func() int) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	count := 0
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			count++
			all.Go(func() {
				defer conn.Close()
				_ = agent.ServeAgent(keyring, conn) // ends with the connection
			})
		}
	}()
	return socket, func() int {
		l.Close()
		<-accepted
		all.Wait()
		return count
	}
}

func TestKeysOfAnAgent(t *testing.T) {
	keyring := agent.NewKeyring()
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []any{ed, old} {
		if err := keyring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	socket, wait := serveAgent(t, keyring)
	signers, err := fromAgent(socket)
	if err != nil || len(signers) != 2 {
		t.Fatalf("%d keys, %v", len(signers), err)
	}
	data := []byte("challenge")
	plain, err := signers[0].Sign(rand.Reader, data)
	if err != nil || signers[0].PublicKey().Verify(data, plain) != nil {
		t.Errorf("ed25519: %v", err)
	}
	modern, err := signers[1].(cryptossh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, data, cryptossh.KeyAlgoRSASHA512)
	if err != nil || modern.Format != cryptossh.KeyAlgoRSASHA512 || signers[1].PublicKey().Verify(data, modern) != nil {
		t.Errorf("rsa: %+v, %v", modern, err)
	}
	if err := keyring.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := signers[0].Sign(rand.Reader, data); err == nil || !strings.Contains(err.Error(), "does not have the key") {
		t.Errorf("a key that was taken away: %v", err)
	}
	if n := wait(); n != 4 { // waits for ever if a connection stays open
		t.Errorf("%d connections", n)
	}
	if _, err := fromAgent(socket); err == nil {
		t.Error("nobody listens, and there were keys")
	}
}
