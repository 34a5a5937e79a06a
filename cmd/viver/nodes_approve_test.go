package main

import (
	"slices"
	"strings"
	"testing"

	"viver/nodeimage/spec"
)

func TestMACAddressesOfApproval(t *testing.T) {
	got, err := macAddresses([]string{"52-54-00-AB-CD-EF", "52:54:00:00:00:01"})
	if err != nil || !slices.Equal(got, []string{"52:54:00:ab:cd:ef", "52:54:00:00:00:01"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := macAddresses([]string{"pc01"}); err == nil || !strings.Contains(err.Error(), `"pc01" is no MAC address`) {
		t.Errorf("%v", err)
	}
}

func TestApprovalOfMachinesThatNobodyHasSeen(t *testing.T) {
	seen := []spec.Machine{{MAC: "52:54:00:00:00:01"}}
	for want, a := range map[string]spec.Approval{
		"":                         {MACs: []string{"52:54:00:00:00:01"}},
		"seen 52:54:00:00:00:02: ": {MACs: []string{"52:54:00:00:00:01", "52:54:00:00:00:02"}},
	} {
		if err := unknown(a, seen); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	if err := unknown(spec.Approval{All: true}, nil); err == nil || !strings.Contains(err.Error(), "no machine waits") {
		t.Errorf("%v", err)
	}
	if err := unknown(spec.Approval{All: true}, seen); err != nil {
		t.Error(err)
	}
}
