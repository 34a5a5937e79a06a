package image

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/build"
	"viver/nodeimage/spec"
	pacstep "viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/object"
	"viver/providers/requires"
	"viver/providers/step"
)

// bake is the script that applies steps in the tree of the image at an address, and then looks whether what their Pacs require is there; ""
// without steps.
func bake(at string, steps []resource.BakedStep) (string, error) {
	if len(steps) == 0 {
		return "", nil
	}
	var all []spec.Step
	var given [][]resource.Requirement
	for _, s := range steps {
		if s.Type == "unit" || s.Type == "image" {
			return "", fmt.Errorf("%s: a step %q acts on a server, not on an image", s.Addr, s.Type)
		}
		document, err := step.Document(s.Addr, s.Type, s.Config)
		if err != nil {
			return "", err
		}
		all, given = append(all, document), append(given, s.Requires)
	}
	if needs := requires.Of(given); len(needs) > 0 {
		look, err := lookStep(at, needs)
		if err != nil {
			return "", err
		}
		all = append(all, look)
	}
	return pacstep.Script(all)
}

// lookStep is a step that fails where a requirement is not met.
func lookStep(at string, needs []resource.Requirement) (spec.Step, error) {
	look := requires.Script(requires.Place{Name: at, Kind: "image"}, needs, nil)
	config, err := json.Marshal(map[string]string{
		"run": "lacking=$(\n" + look + ") || exit 1\n[ -z \"$lacking\" ] || { echo \"$lacking\" | cut -d' ' -f2-; exit 1; }\n",
	})
	return spec.Step{ID: "What Pacs require", Type: "command", Config: config}, err
}

// Outfit implements resource.Outfitter.
func (*Type) Outfit(config cty.Value) resource.Outfit {
	from := object.String(config, "from")
	o := resource.Outfit{Distribution: build.Source{From: from}.Distribution()}
	if strings.HasPrefix(from, "debian:") && config.GetAttr("packages").IsWhollyKnown() && config.GetAttr("kernel").IsKnown() {
		o.Listed = true
		kernel := cmp.Or(object.String(config, "kernel"), "linux-image-"+cmp.Or(object.String(config, "architecture"), runtime.GOARCH))
		for _, p := range append(object.Strings(config, "packages"), kernel) {
			o.Packages = append(o.Packages, plainPackage(p))
		}
	}
	return o
}

// plainPackage is a package without the version, release or architecture that apt-get(8) lets one add.
func plainPackage(p string) string {
	if i := strings.IndexAny(p, ":=/"); i >= 0 {
		return p[:i]
	}
	return p
}
