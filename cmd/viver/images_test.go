package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viver/nodeimage/spec"
	"viver/providers/fleet"
)

func TestPrintImages(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := printImages(&out, []fleet.Image{
		{Server: "seed", StoredImage: spec.StoredImage{
			ID: spec.DigestOf(nil), Bytes: 80e6, Added: now.Add(-90 * time.Minute), Users: []string{"pc1", "pc2", "pc3", "pc4", "pc5", "boot.nbd"},
		}},
		{Server: "seed", StoredImage: spec.StoredImage{ID: spec.DigestOf([]byte("former")), Bytes: 79_600_000, Added: now.Add(-24 * time.Hour)}},
	}, now)
	want := `SERVER  IMAGE                SIZE   AGE      NEEDED BY
seed    sha256:e3b0c44298fc  80 MB  1h30m0s  pc1, pc2, pc3, pc4 and 2 more
seed    sha256:2a36430635e7  80 MB  24h0m0s  -
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
}
