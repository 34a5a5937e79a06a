package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/lang"
)

// arguments reads those of a state block, and remembers the first that is wrong.
type arguments struct {
	block *lang.StateHome
	wrong *argumentError
}

// argumentError is what is wrong with an argument.
type argumentError struct {
	at   *hcl.Range // nil: it is missing
	text string
}

func (e *argumentError) Error() string { return e.text }

func (a *arguments) fail(at *hcl.Range, text string, args ...any) {
	if a.wrong == nil {
		a.wrong = &argumentError{at, fmt.Sprintf(text, args...)}
	}
}

// value is an argument of a type; ok is false where there is none that can be used.
func (a *arguments) value(name string, want cty.Type, required bool) (v cty.Value, ok bool) {
	given, ok := a.block.Arguments[name]
	if !ok {
		if required {
			a.fail(nil, "The argument %q is missing: state %q cannot do without", name, a.block.Kind)
		}
		return v, false
	}
	v, err := convert.Convert(given.Value, want)
	if err != nil || v.IsNull() || !v.IsWhollyKnown() {
		a.fail(&given.Range, "The argument %q wants a %s", name, want.FriendlyName())
		return v, false
	}
	return v, true
}

// text is a string, "" where there is none.
func (a *arguments) text(name string, required bool) string {
	v, ok := a.value(name, cty.String, required)
	if !ok {
		return ""
	}
	if text := v.AsString(); text != "" && !strings.ContainsAny(text, "\n\r\x00") {
		return text
	}
	given := a.block.Arguments[name]
	a.fail(&given.Range, "The argument %q is empty or has more than one line", name)
	return ""
}

// number is a TCP port, 0 where there is none.
func (a *arguments) number(name string) int {
	v, ok := a.value(name, cty.Number, false)
	if !ok {
		return 0
	}
	n, _ := v.AsBigFloat().Int64()
	if !v.AsBigFloat().IsInt() || n < 1 || n > 65535 {
		given := a.block.Arguments[name]
		a.fail(&given.Range, "The argument %q wants a port from 1 to 65535", name)
	}
	return int(n)
}

// texts is a list of strings that is not empty.
func (a *arguments) texts(name string) (all []string) {
	v, ok := a.value(name, cty.List(cty.String), true)
	if !ok {
		return nil
	}
	for _, element := range v.AsValueSlice() {
		if !element.IsNull() {
			all = append(all, element.AsString())
		}
	}
	if len(all) == 0 {
		given := a.block.Arguments[name]
		a.fail(&given.Range, "The argument %q is empty", name)
	}
	return all
}

// end says what is wrong, also with arguments that are not known.
func (a *arguments) end(known ...string) error {
	for name, given := range a.block.Arguments {
		if !slices.Contains(known, name) {
			a.fail(&given.Range, "state %q has no argument %q, only %s", a.block.Kind, name, strings.Join(known, ", "))
		}
	}
	if a.wrong != nil {
		return a.wrong
	}
	return nil
}

// tlsFiles are the paths of PEM files; empty: none.
type tlsFiles struct{ ca, cert, key string }

func (f tlsFiles) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		data, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM", f.ca)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return nil, fmt.Errorf("cert_file and key_file belong together")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// secretFile is the one line of a file that others cannot read; "" without a path.
func secretFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("password_file: %s can be read by others: chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
