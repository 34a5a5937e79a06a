package lang

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
)

// maxUnpacked is how many bytes base64gunzip makes at most.
const maxUnpacked = 16 << 20

// encodingFunctions turn strings into others.
func encodingFunctions() map[string]function.Function {
	return map[string]function.Function{
		"base64decode":     textFunction("string", decodeBase64),
		"base64encode":     textFunction("string", infallible(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })),
		"base64gzip":       textFunction("string", packGzip),
		"base64gunzip":     textFunction("string", unpackGzip),
		"textencodebase64": textFunction2("string", "encoding", encodeCharset),
		"textdecodebase64": textFunction2("string", "encoding", decodeCharset),
		"urlencode":        textFunction("string", infallible(url.QueryEscape)),
		"urldecode":        textFunction("string", decodeURL),
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
	return decodedText(data)
}

func decodedText(data []byte) (string, error) {
	if !utf8.Valid(data) {
		return "", errors.New("what is encoded is not text in UTF-8; strings hold text only")
	}
	return string(data), nil
}

func decodeURL(s string) (string, error) {
	text, err := url.QueryUnescape(s)
	if err != nil {
		return "", errors.New("this is not encoded as in a URL: each % stands before two hexadecimal digits")
	}
	return decodedText([]byte(text))
}

func packGzip(s string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

func unpackGzip(s string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", errors.New("this is not base64")
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	}
	switch {
	case err != nil:
		return "", errors.New("what is encoded is not packed by gzip, or is damaged")
	case len(data) > maxUnpacked:
		return "", fmt.Errorf("what is packed is larger than %d MiB", maxUnpacked>>20)
	}
	return decodedText(data)
}

// charset finds an encoding by a name of the IANA registry.
func charset(name string) (encoding.Encoding, error) {
	if e, err := ianaindex.IANA.Encoding(name); err == nil && e != nil {
		return e, nil
	}
	return nil, function.NewArgErrorf(1, "no encoding of this name is known; common ones are UTF-8, UTF-16LE, ISO-8859-1, Shift_JIS and EUC-JP")
}

func encodeCharset(text, name string) (string, error) {
	e, err := charset(name)
	if err != nil {
		return "", err
	}
	data, err := e.NewEncoder().String(text)
	if err != nil {
		return "", function.NewArgErrorf(0, "it has characters which %s cannot express", name)
	}
	return base64.StdEncoding.EncodeToString([]byte(data)), nil
}

func decodeCharset(s, name string) (string, error) {
	e, err := charset(name)
	if err != nil {
		return "", err
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", function.NewArgErrorf(0, "this is not base64")
	}
	text, err := e.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return "", function.NewArgErrorf(0, "what is encoded is not text in %s", name)
	}
	return string(text), nil
}
