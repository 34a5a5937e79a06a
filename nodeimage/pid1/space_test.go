package pid1

import (
	"testing"

	"viver/nodeimage/spec"
)

func TestSpaceLeavesRoom(t *testing.T) {
	const gib = 1 << 30
	given := func(memory string) *spec.FieldSpec { return &spec.FieldSpec{Memory: memory} }
	for _, c := range []struct {
		memory  int64
		field   *spec.FieldSpec
		percent int
		want    int64
	}{
		{8 * gib, nil, 0, 3 * gib},             // a quarter is the share, half of the rest is 3
		{8 * gib, given(""), 0, 3 * gib},       // the same
		{8 * gib, given("0"), 0, 4 * gib},      // no share
		{8 * gib, given("4GiB"), 0, 2 * gib},   //
		{8 * gib, given("99GiB"), 0, 4 * gib},  // it is refused, so there is none
		{8 * gib, given("50%"), 10, 858993450}, // what was asked for
		{8 * gib, given("50%"), 95, 7 * gib / 2},
		{256 << 20, given("60%"), 0, leastSpace},         // 51 MiB would not do
		{64 << 20, given("50%"), 0, 32 << 20 / 8 * 7},    // too small for that
		{64 << 20, given("0"), 90, (64 << 20) / 8 * 7},   //
		{512 << 20, given("25%"), 0, (384 << 20) / 2},    // a small virtual machine
		{512 << 20, given("128MiB"), 0, (384 << 20) / 2}, //
	} {
		got := spaceOf(c.memory, c.field, c.percent)
		if got.bytes != c.want || got.files != c.want/4096 {
			t.Errorf("of %d bytes, with %+v and %d %%, it is %+v, not %d bytes", c.memory, c.field, c.percent, got, c.want)
		}
	}
}

func TestSpaceOfUnknownMemory(t *testing.T) {
	if s := spaceOf(0, nil, 50); s.options() != "mode=0755" {
		t.Errorf("%s: size=0 would be as much as anybody likes", s.options())
	}
}

func TestSpaceNeverTakesAll(t *testing.T) {
	for memory := int64(32 << 20); memory < 1<<44; memory = memory*3/2 + 4095 {
		for _, share := range []string{"", "0", "25%", "90%", "1GiB", "nonsense"} {
			for _, percent := range []int{0, 1, 50, 95} {
				s := spaceOf(memory, &spec.FieldSpec{Memory: share}, percent)
				if s.bytes <= 0 || s.bytes > memory/8*7 || s.files <= 0 || s.files > s.bytes/fileBytes {
					t.Errorf("of %d bytes, with %q and %d %%, it is %+v", memory, share, percent, s)
				}
			}
		}
	}
}
