package installed

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"

	cryptossh "golang.org/x/crypto/ssh"
)

// newKey makes an SSH key and writes its private half to a file.
func newKey(path string) (public, private string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	block, err := cryptossh.MarshalPrivateKey(key, "")
	if err != nil {
		return "", "", err
	}
	signer, err := cryptossh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	private = string(pem.EncodeToMemory(block))
	return string(cryptossh.MarshalAuthorizedKey(signer)), private, os.WriteFile(path, []byte(private), 0o600)
}
