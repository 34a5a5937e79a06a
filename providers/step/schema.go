package step

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/pacs/step"
	"viver/planner/resource"
	"viver/providers/object"
)

// The step types which are no scripts.
const (
	unitType  = "unit"
	imageType = "image"
	factType  = "fact"
	// A fact with a sensitive value.
	secretType = "secret"
)

// hasValue says that a type's steps find out a value.
func hasValue(stepType string) bool { return stepType == factType || stepType == secretType }

// schemaOf derives the schema of a scripted type from the fields of its document.
func schemaOf(t step.Type) *resource.Schema {
	s := &resource.Schema{Doc: t.Doc, Attributes: map[string]*resource.Attribute{}}
	fields := reflect.TypeOf(t.New()).Elem()
	for i := range fields.NumField() {
		f := fields.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		a := &resource.Attribute{
			Type: typeOf(f.Type), Doc: f.Tag.Get("doc"),
			Required: f.Tag.Get("required") == "true", Replaces: f.Tag.Get("replaces") == "true", Sensitive: f.Tag.Get("sensitive") == "true",
			File: f.Tag.Get("file") == "true",
		}
		if text, ok := f.Tag.Lookup("default"); ok {
			a.Default = cty.StringVal(text)
		}
		s.Attributes[name] = a
		if f.Tag.Get("any") == "true" {
			s.AnyOf = append(s.AnyOf, name)
		}
	}
	if hasValue(t.Name) {
		s.Attributes["value"] = &resource.Attribute{
			Type: cty.String, Computed: true, Sensitive: t.Name == secretType, Doc: "What it printed, without the last line break.",
		}
	}
	return s
}

// typeOf is the type of an argument by that of its field.
func typeOf(t reflect.Type) cty.Type {
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return cty.DynamicPseudoType
	case t.Kind() == reflect.Pointer:
		return typeOf(t.Elem())
	case t.Kind() == reflect.Bool:
		return cty.Bool
	case t.Kind() == reflect.Int64:
		return cty.Number
	case t.Kind() == reflect.Slice:
		return cty.List(typeOf(t.Elem()))
	case t.Kind() == reflect.String:
		return cty.String
	}
	panic("step: no type of the language for " + t.String()) // a fault of pacs/step, which the tests find
}

func unitSchema() *resource.Schema {
	return &resource.Schema{
		Doc: "A built-in service of viver-node, on a server or a node. A node starts it again at each boot.",
		Attributes: map[string]*resource.Attribute{
			"unit":   {Type: cty.String, Required: true, Replaces: true, Doc: "Which: dhcp, tftp, netboot, nbd."},
			"config": {Type: cty.DynamicPseudoType, Doc: "Its own document."},
			"detail": {Type: cty.String, Computed: true, From: []string{}, Doc: "What it says of itself: where it listens."},
		},
	}
}

func imageSchema() *resource.Schema {
	return &resource.Schema{
		Doc: "A copy of an image on a server. Former ones that nothing boots or serves go by themselves after ten minutes, but for the newest.",
		Attributes: map[string]*resource.Attribute{
			"image": {Type: cty.DynamicPseudoType, Refers: []string{"image"}, Required: true, Doc: "The image."},
			"id":    {Type: cty.String, Computed: true, From: []string{"image"}, Doc: "ID of the image that is there."},
		},
	}
}

// Document is the document of a scripted step: stepType is its type without "step.", config its arguments. It is checked.
func Document(addr, stepType string, config cty.Value) (spec.Step, error) {
	without := []string{"on", "timeout", "kind", "addr", "key"}
	if hasValue(stepType) {
		without = append(without, "value") // computed
	}
	data, err := object.JSON(config, without...)
	if err != nil {
		return spec.Step{}, fmt.Errorf("%s: %w", addr, err)
	}
	timeout, err := timeoutOf(config)
	if err != nil {
		return spec.Step{}, fmt.Errorf("%s: %w", addr, err)
	}
	s := spec.Step{ID: addr, Type: stepType, Config: data, Timeout: timeout}
	_, err = step.Decode(s)
	return s, err
}
