package pacs_test

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
)

func TestSecretsStayOffTheKernelCommandLine(t *testing.T) {
	config := func(arguments string) string {
		return strings.Replace(room, `"builtin/netboot"`, `"builtin/netboot"
  kernel_arguments = `+arguments, 1)
	}
	ignore := func(*lang.Instance, cty.Value) {}
	check(t, evaluate(t, config(`"console=ttyS0"`), ignore))
	diags := evaluate(t, config(`"token=${sensitive("s3cret")}"`), ignore)
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "can read the kernel's command line") || strings.Contains(diags.Error(), "s3cret") {
		t.Error(diags)
	}
}
