package ssh

import (
	"bytes"
	"fmt"
	"io"
	"net"

	cryptossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentSigner is a key in the ssh-agent that listens on a socket. It is connected to only while it lists its keys or signs.
type agentSigner struct {
	socket string
	key    cryptossh.PublicKey
}

// fromAgent returns the keys of an ssh-agent.
func fromAgent(socket string) ([]cryptossh.Signer, error) {
	var signers []cryptossh.Signer
	err := askAgent(socket, func(known []cryptossh.Signer) error {
		for _, k := range known {
			signers = append(signers, agentSigner{socket, k.PublicKey()})
		}
		return nil
	})
	return signers, err
}

// askAgent calls do with the keys of an ssh-agent, which can sign as long as do runs.
func askAgent(socket string, do func([]cryptossh.Signer) error) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("ssh: ssh-agent: %w", err)
	}
	defer conn.Close()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return fmt.Errorf("ssh: ssh-agent: %w", err)
	}
	return do(signers)
}

// PublicKey implements ssh.Signer.
func (s agentSigner) PublicKey() cryptossh.PublicKey { return s.key }

// Sign implements ssh.Signer.
func (s agentSigner) Sign(rand io.Reader, data []byte) (*cryptossh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm implements ssh.AlgorithmSigner; "" is the key's own algorithm.
func (s agentSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (signature *cryptossh.Signature, err error) {
	err = askAgent(s.socket, func(known []cryptossh.Signer) error {
		for _, k := range known {
			if by, ok := k.(cryptossh.AlgorithmSigner); ok && bytes.Equal(k.PublicKey().Marshal(), s.key.Marshal()) {
				signature, err = by.SignWithAlgorithm(rand, data, algorithm)
				return err
			}
		}
		return fmt.Errorf("ssh: ssh-agent does not have the key %s any more", cryptossh.FingerprintSHA256(s.key))
	})
	return signature, err
}
