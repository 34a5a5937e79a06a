package network_test

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/resource"
	"viver/providers/network"
)

func TestApply(t *testing.T) {
	for config, want := range map[string]string{
		"10.20.0.0/16 eth1":           "",
		"10.20.0.0/16,fd00::/64 ":     "",
		" eth1":                       "cidr is empty",
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
		object := cty.ObjectVal(map[string]cty.Value{"cidr": cty.TupleVal(list), "interface": cty.StringVal(name)})
		_, err := network.Type{}.Apply(t.Context(), resource.ApplyRequest{Config: object})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", config, want, err)
		}
	}
}
