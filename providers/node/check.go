package node

import (
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// label is what one part of a host name may be: RFC 1123, section 2.1.
var label = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func checkName(v cty.Value) error {
	if !label.MatchString(v.AsString()) {
		return fmt.Errorf("%q is no name of a machine: up to 63 letters, digits and hyphens are wanted, as format(\"pc%%02d\", count.index + 1) makes them", v.AsString())
	}
	return nil
}

func checkMAC(v cty.Value) error {
	mac, err := net.ParseMAC(v.AsString())
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("%q is no MAC address: six bytes like \"52:54:00:12:34:56\" are wanted", v.AsString())
	}
	if mac[0]&1 != 0 {
		return fmt.Errorf("%s is an address of a group, which no machine has", v.AsString())
	}
	return nil
}

func timeoutOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no duration: one like \"10m\" is wanted", text)
	}
	return d, nil
}

func checkTimeout(v cty.Value) error {
	_, err := timeoutOf(v.AsString())
	return err
}
