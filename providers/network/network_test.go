package network_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/providers/network"
)

func TestArguments(t *testing.T) {
	for config, want := range map[string]string{
		"10.20.0.0/16 eth1":           "",
		"10.20.0.0/16,fd00::/64 ":     "",
		" eth1":                       "it is empty",
		"10.20.0.0 ":                  "no address range",
		"10.20.0.1/16 ":               "write 10.20.0.0/16",
		"10.0.0.0/8,10.20.0.0/16 ":    "overlap",
		"10.20.0.0/16 eth 1":          "no name of a network interface",
		"10.20.0.0/16 ../../etc/pass": "no name of a network interface",
	} {
		ranges, name, _ := strings.Cut(config, " ")
		var list []cty.Value
		for _, r := range strings.FieldsFunc(ranges, func(r rune) bool { return r == ',' }) {
			list = append(list, cty.StringVal(r))
		}
		attributes := network.Type{}.Schema().Attributes
		err := attributes["cidr"].Check(cty.TupleVal(list))
		if name != "" {
			err = errors.Join(err, attributes["interface"].Check(cty.StringVal(name)))
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", config, want, err)
		}
	}
}

func TestAdmission(t *testing.T) {
	check := network.Type{}.Schema().Attributes["admission"].Check
	for _, rule := range []string{"auto", "approve", "listed"} {
		if err := check(cty.StringVal(rule)); err != nil {
			t.Error(err)
		}
	}
	if err := check(cty.StringVal("open")); err == nil || !strings.Contains(err.Error(), "want auto, approve or listed") {
		t.Errorf("got %v", err)
	}
}
