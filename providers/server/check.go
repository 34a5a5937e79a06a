package server

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// hostName is a name as RFC 1123, section 2.1, has it.
var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func checkAddress(v cty.Value) error {
	text := v.AsString()
	switch ip, err := netip.ParseAddr(text); {
	case err == nil && (ip.IsUnspecified() || ip.IsMulticast()):
		return fmt.Errorf("%s is no address of a machine", text)
	case err == nil:
		return nil
	case strings.Contains(text, "/"):
		return fmt.Errorf("%q: an address without a prefix length is wanted, like \"10.20.0.1\"", text)
	case !hostName.MatchString(text) || strings.Trim(text, "0123456789.") == "":
		return fmt.Errorf("%q is neither an address, like \"10.20.0.1\", nor a host name", text)
	}
	return nil
}

func checkDir(v cty.Value) error {
	dir := v.AsString()
	if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
		return errors.New("the absolute path of a folder for viver alone is wanted")
	}
	if strings.ContainsAny(dir, "\n\"$\\%") {
		return errors.New("a path without line breaks and \" $ \\ % is wanted")
	}
	return nil
}
