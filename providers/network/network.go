// Package network is the block "network": address ranges and the interface that leads to them. It is data for others; nothing is
// done to bring a network about.
package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
)

// Type is the resource type.
type Type struct{}

var _ resource.Type = Type{}

// Name implements resource.Type.
func (Type) Name() string { return "network" }

// Schema implements resource.Type.
func (Type) Schema() *resource.Schema {
	return &resource.Schema{
		Doc: "The network on which machines boot.",
		Attributes: map[string]*resource.Attribute{
			"cidr": {
				Type: cty.List(cty.String), Required: true, Check: checkRanges,
				Doc: "Address ranges, IPv4, IPv6 or both: [\"10.20.0.0/16\"].",
			},
			"interface": {Type: cty.String, Check: checkInterface, Doc: "Name of the interface on the servers that leads there; unset: the one with the server's address."},
			"admission": {
				Type: cty.String, Check: checkAdmission,
				Doc: "Which machines may take the names of nodes without a mac: auto (whichever comes, the default), approve (those that `viver nodes approve` lets in), listed (none).",
			},
		},
	}
}

// interfaceName is what Linux allows (dev_valid_name in net/core/dev.c), without what would confuse a reader.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// checkRanges refuses what is no list of address ranges.
func checkRanges(v cty.Value) error {
	var seen []netip.Prefix
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			return errors.New("a range is null: leave it out")
		}
		text := e.AsString()
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("%q is no address range: write it like \"10.20.0.0/16\"", text)
		}
		if p != p.Masked() {
			return fmt.Errorf("%s is an address within a range: write %s", text, p.Masked())
		}
		for _, other := range seen {
			if p.Overlaps(other) {
				return fmt.Errorf("%s and %s overlap: leave one of them out", other, p)
			}
		}
		seen = append(seen, p)
	}
	if len(seen) == 0 {
		return errors.New("it is empty: name an address range, like \"10.20.0.0/16\"")
	}
	return nil
}

func checkInterface(v cty.Value) error {
	if !interfaceName.MatchString(v.AsString()) {
		return fmt.Errorf("%q is no name of a network interface", v.AsString())
	}
	return nil
}

func checkAdmission(v cty.Value) error {
	switch spec.Admission(v.AsString()) {
	case spec.AdmitAuto, spec.AdmitApprove, spec.AdmitListed:
		return nil
	}
	return fmt.Errorf("%q is no rule of admission: want auto, approve or listed", v.AsString())
}

// Apply implements resource.Type: there is nothing to do.
func (Type) Apply(context.Context, resource.ApplyRequest) (map[string]cty.Value, error) {
	return nil, nil
}

// Destroy implements resource.Type: there is nothing to take away.
func (Type) Destroy(context.Context, resource.DestroyRequest) error { return nil }
