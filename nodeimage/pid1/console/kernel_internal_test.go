package console

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A kernel that was told to be quiet shows messages below 4: <27> is 3, <28> is 4.
func TestPriorities(t *testing.T) {
	var b bytes.Buffer
	log := newKernel(&b)
	log.Info("one")
	log.Warn("two")
	log.Error("three")
	if diff := cmp.Diff("<30>viver: one\n<28>viver: two\n<27>viver: three\n", b.String()); diff != "" {
		t.Error(diff)
	}
}
