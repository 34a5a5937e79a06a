package lang

import (
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/crypto/ssh"
)

// digest makes a checksum of bytes, in base64 or in hexadecimal digits.
type digest func([]byte) string

// digests are the checksums of texts and files, by the end of the functions' names: "md5" for md5(text) and filemd5(name).
func digests() map[string]digest {
	sum256 := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	sum512 := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	in := func(encode func([]byte) string, sum func([]byte) []byte) digest {
		return func(b []byte) string { return encode(sum(b)) }
	}
	return map[string]digest{
		"md5":          in(hex.EncodeToString, func(b []byte) []byte { s := md5.Sum(b); return s[:] }),
		"sha1":         in(hex.EncodeToString, func(b []byte) []byte { s := sha1.Sum(b); return s[:] }),
		"sha256":       in(hex.EncodeToString, sum256),
		"sha512":       in(hex.EncodeToString, sum512),
		"base64sha256": in(base64.StdEncoding.EncodeToString, sum256),
		"base64sha512": in(base64.StdEncoding.EncodeToString, sum512),
	}
}

// hashFunctions are checksums and what else is calculated from secrets and names.
func hashFunctions() map[string]function.Function {
	all := map[string]function.Function{
		"rsadecrypt": textFunction2("ciphertext", "privatekey", decryptRSA),
		"uuidv5":     textFunction2("namespace", "name", uuidOfName),
	}
	for name, sum := range digests() {
		all[name] = textFunction("string", func(s string) (string, error) { return sum([]byte(s)), nil })
	}
	return all
}

// textFunction2 makes a function of two strings that returns a string.
func textFunction2(first, second string, f func(a, b string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{param(first, cty.String), param(second, cty.String)},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString(), args[1].AsString())
			return cty.StringVal(s), err
		},
	})
}

// decryptRSA decrypts what was encrypted with PKCS #1 v1.5. Errors say nothing of the key or the text.
func decryptRSA(ciphertext, key string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return "", function.NewArgErrorf(0, "this is not base64")
	}
	raw, err := ssh.ParseRawPrivateKey([]byte(key))
	private, ok := raw.(*rsa.PrivateKey)
	if err != nil || !ok {
		return "", function.NewArgErrorf(1, "want an RSA private key in PEM, without a passphrase")
	}
	//lint:ignore SA1019 this is the encryption that OpenTofu's function, and those who call it, have
	text, err := rsa.DecryptPKCS1v15(nil, private, data)
	if err != nil {
		return "", errors.New("this key does not decrypt this text")
	}
	if !utf8.Valid(text) {
		return "", errors.New("what is encrypted is not text in UTF-8; strings hold text only")
	}
	return string(text), nil
}

// uuidOfName makes a UUID of version 5 (RFC 9562, section 5.5).
func uuidOfName(namespace, name string) (string, error) {
	space, ok := map[string]uuid.UUID{"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500}[namespace]
	if !ok {
		var err error
		if space, err = uuid.Parse(namespace); err != nil {
			return "", function.NewArgErrorf(0, "want dns, url, oid, x500 or a UUID")
		}
	}
	return uuid.NewSHA1(space, []byte(name)).String(), nil
}
