package node

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/field"
	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/object"
)

// pinBlock is the block "pin" in "field".
func pinBlock() *resource.Block {
	return &resource.Block{Schema: resource.Schema{
		Doc: "A part of an image comes from certain machines, as long as one of them can be reached.",
		Attributes: map[string]*resource.Attribute{
			"image": {Type: cty.DynamicPseudoType, Refers: []string{"image"}, Doc: "The image; unset: the one that the node boots."},
			"range": {Type: cty.String, Check: checkRange, Doc: "Which bytes of its root: \"0-64MiB\", or \"64MiB-\" to the end; unset: all. Chunks of 256 KiB count whole."},
			"members": {
				Type: cty.DynamicPseudoType, Refers: []string{"server", "node"}, Names: true, Required: true, Check: checkMembers,
				Doc: "The machines, or their names.",
			},
		},
	}}
}

// pinOf reads a block "pin" of a node that boots an image.
func pinOf(block, booted cty.Value) (spec.Pin, error) {
	image := object.Get(block, "image")
	if image == cty.NilVal {
		image = booted
	}
	begin, end, err := rangeOf(object.String(block, "range"))
	if err != nil {
		return spec.Pin{}, fmt.Errorf("pin: %w", err)
	}
	if size := int64(object.Int(image, "size")); size > 0 {
		if begin >= size {
			return spec.Pin{}, fmt.Errorf("pin: the range %q is behind the end of %s, whose root has %d bytes", object.String(block, "range"), object.String(image, "addr"), size)
		}
		end = min(end, size)
	}
	begin, end = begin/spec.ChunkSize*spec.ChunkSize, (end+spec.ChunkSize-1)/spec.ChunkSize*spec.ChunkSize
	p := spec.Pin{Image: spec.Digest(object.String(image, "id")), Offset: begin, Length: end - begin, Members: namesOf(object.Get(block, "members"))}
	if len(p.Members) == 0 {
		return spec.Pin{}, errors.New("pin: its members have no names")
	}
	return p, nil
}

// namesOf returns the names of machines: v is a machine or a name, or several of these.
func namesOf(v cty.Value) (names []string) {
	switch {
	case v == cty.NilVal:
	case v.Type() == cty.String:
		names = []string{v.AsString()}
	case object.String(v, "kind") != "":
		if name := object.String(v, "name"); name != "" {
			names = []string{name}
		}
	default:
		for _, e := range object.Elements(v) {
			names = append(names, namesOf(e)...)
		}
	}
	return names
}

func checkMembers(v cty.Value) error {
	names := namesOf(v)
	if len(names) == 0 {
		return errors.New("at least one machine is wanted")
	}
	for _, name := range names {
		if err := checkName(cty.StringVal(name)); err != nil {
			return err
		}
	}
	return nil
}

// endOfAll is behind the last byte of every image.
const endOfAll = 1 << 50

// rangeOf reads "BEGIN-END" in bytes. Without END it goes on to the end; "" is everything.
func rangeOf(text string) (begin, end int64, err error) {
	if text == "" {
		return 0, endOfAll, nil
	}
	first, last, ok := strings.Cut(text, "-")
	begin, err = field.ParseBytes(first)
	if end = endOfAll; err == nil && strings.TrimSpace(last) != "" {
		end, err = field.ParseBytes(last)
	}
	if err != nil || !ok {
		return 0, 0, fmt.Errorf("%q is no range of bytes: one like \"0-64MiB\" or \"64MiB-\" is wanted", text)
	}
	if begin >= end {
		return 0, 0, fmt.Errorf("there is nothing in the range %q: it must end behind its beginning", text)
	}
	return begin, end, nil
}

func checkRange(v cty.Value) error {
	_, _, err := rangeOf(v.AsString())
	return err
}
