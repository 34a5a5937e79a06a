package lang

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty/function"
)

// encodingFunctions turn strings into others.
func encodingFunctions() map[string]function.Function {
	return map[string]function.Function{
		"base64decode": textFunction("text", decodeBase64),
		"base64encode": textFunction("text", infallible(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })),
		"base64sha256": textFunction("text", infallible(func(s string) string {
			sum := sha256.Sum256([]byte(s))
			return base64.StdEncoding.EncodeToString(sum[:])
		})),
		"base64sha512": textFunction("text", infallible(func(s string) string {
			sum := sha512.Sum512([]byte(s))
			return base64.StdEncoding.EncodeToString(sum[:])
		})),
		"sha256": textFunction("text", infallible(func(s string) string {
			sum := sha256.Sum256([]byte(s))
			return hex.EncodeToString(sum[:])
		})),
		"sha512": textFunction("text", infallible(func(s string) string {
			sum := sha512.Sum512([]byte(s))
			return hex.EncodeToString(sum[:])
		})),
		"urlencode": textFunction("text", infallible(url.QueryEscape)),
	}
}

func infallible(f func(string) string) func(string) (string, error) {
	return func(s string) (string, error) { return f(s), nil }
}

func decodeBase64(s string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", errors.New("this is not base64")
	}
	if !utf8.Valid(data) {
		return "", errors.New("what is encoded is not text in UTF-8; strings hold text only")
	}
	return string(data), nil
}
