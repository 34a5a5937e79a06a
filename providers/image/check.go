package image

import (
	"errors"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/build"
)

// anySuite stands in where one argument is checked without the others.
const anySuite = "debian:stable"

func checkFrom(v cty.Value) error { return build.Source{From: v.AsString()}.Check() }

func checkKernel(v cty.Value) error {
	return build.Source{From: anySuite, Kernel: v.AsString()}.Check()
}

func checkMirror(v cty.Value) error {
	return build.Source{From: anySuite, Mirror: v.AsString()}.Check()
}

func checkPackages(v cty.Value) error {
	s := build.Source{From: anySuite}
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			return errors.New("a package is null: leave it out")
		}
		s.Packages = append(s.Packages, e.AsString())
	}
	return s.Check()
}

func checkCompression(v cty.Value) error {
	level, _ := v.AsBigFloat().Int64()
	if level == 0 || !v.AsBigFloat().IsInt() {
		return errors.New("zstd has the levels 1 to 22")
	}
	return build.Source{From: anySuite, Compression: int(level)}.Check()
}
