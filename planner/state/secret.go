package state

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

const keyLen = 32

// Digest is a hash of a wholly known value without marks, keyed by the state's own secret: it tells whether a value is still the
// same and nothing else about it. Where says whose value it is, so that two equal ones have different digests: an instance's address,
// and perhaps a slash and a path.
func (s *State) Digest(where string, v cty.Value) (string, error) {
	data, err := ctyjson.Marshal(v, cty.DynamicPseudoType)
	if err != nil {
		return "", fmt.Errorf("state: digest of %s: %w", where, err)
	}
	where = s.origin(where)
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%d %s ", len(where), where)
	mac.Write(data)
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil)), nil
}

// origin puts the address at the beginning of where back to what it was before the instance was moved. Keys may have slashes too, so
// the longest address counts.
func (s *State) origin(where string) string {
	if len(s.Origins) == 0 {
		return where
	}
	for end := len(where); end > 0; end-- {
		if end < len(where) && where[end] != '/' {
			continue
		}
		if before, ok := s.Origins[where[:end]]; ok {
			return before + where[end:]
		}
	}
	return where
}

// NewKey draws a key. crypto/rand never fails.
func NewKey() []byte {
	key := make([]byte, keyLen)
	rand.Read(key)
	return key
}
