package lang_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"viver/planner/lang"
	"viver/planner/resource"
)

// TestSpecificationSuite runs HCL's own specification suite against the loader. What the suite's hcldec files ask for becomes the schema of
// a block, and the text of the test its body; of texts that are no HCL the places of the errors must be those of the suite.
func TestSpecificationSuite(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/hcl/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	suite := os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "specsuite", "tests"))
	ran := 0
	err = fs.WalkDir(suite, ".", func(path string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(path, ".t"); ok && err == nil {
			ran++
			t.Run(name, func(t *testing.T) { runSpecification(t, suite, name) })
		}
		return err
	})
	if err != nil || ran < 13 {
		t.Errorf("%d tests, %v", ran, err)
	}
}

func runSpecification(t *testing.T, suite fs.FS, name string) {
	text, err := fs.ReadFile(suite, name+".hcl")
	if err != nil {
		t.Fatal(err)
	}
	want := expectation(t, suite, name)
	t.Chdir(t.TempDir())
	_, syntax := hclsyntax.ParseConfig(text, "", hcl.InitialPos)
	if syntax.HasErrors() {
		write(t, "main.viver.hcl", string(text))
		_, diags := lang.Load(".", lang.LoadOptions{})
		if got := places(diags, 0); !slices.Equal(got, want.errors) {
			t.Errorf("errors at %v, want %v", got, want.errors)
		}
		return
	}
	schema, spec := &resource.Schema{}, parseBody(t, suite, name+".hcldec")
	takeSpec(schema, spec)
	body := labels.ReplaceAllString(string(text), "$1 {") // blocks within blocks have no labels here
	for _, b := range spec.Blocks {
		if b.Type == "variables" { // names stand in locals here
			locals := ""
			for name, a := range b.Body.Attributes {
				source, _ := fs.ReadFile(suite, a.Expr.Range().Filename)
				locals += name + " = " + string(a.Expr.Range().SliceBytes(source)) + "\n"
				body = regexp.MustCompile(`([$%]\{[^}]*)\b`+name+`\b`).ReplaceAllString(body, "${1}local."+name)
			}
			write(t, "locals.viver.hcl", "locals {\n"+locals+"}\n")
		}
	}
	write(t, "main.viver.hcl", "thing \"x\" {\n"+body+"\n}\n")
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: map[string]*resource.Schema{"thing": schema}})
	if got := places(diags, 1); !slices.Equal(got, want.errors) {
		t.Fatalf("errors at %v, want %v: %v", got, want.errors, diags)
	}
	if diags.HasErrors() || want.result == cty.NilVal || !want.result.Type().IsObjectType() {
		return // the result of a test that only parses is a word
	}
	e, _ := lang.NewEvaluator(c, nil)
	_, objects := visited(t, e)
	got := objects[0].Value
	if spec.Blocks[0].Type == "block" { // the result is that of the only block
		got = got.GetAttr("a")
	}
	compareResult(t, "", got, want.result)
}

var labels = regexp.MustCompile(`(?m)^(\w+) "[^"]+" \{`)

// wanted is what a .t file says.
type wanted struct {
	result cty.Value
	errors []string
}

func expectation(t *testing.T, suite fs.FS, name string) wanted {
	body := parseBody(t, suite, name+".t")
	var w wanted
	if a := body.Attributes["result"]; a != nil {
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		w.result = v
	}
	for _, diagnostics := range body.Blocks {
		for _, e := range diagnostics.Body.Blocks {
			var ends []string
			for _, end := range e.Body.Blocks {
				ends = append(ends, number(t, end, "line")+":"+number(t, end, "column"))
			}
			w.errors = append(w.errors, strings.Join(ends, "-"))
		}
	}
	return w
}

func number(t *testing.T, b *hclsyntax.Block, name string) string {
	v, diags := b.Body.Attributes[name].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v.AsBigFloat().String()
}

func parseBody(t *testing.T, suite fs.FS, name string) *hclsyntax.Body {
	text, err := fs.ReadFile(suite, name)
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return file.Body.(*hclsyntax.Body)
}

// takeSpec adds what an hcldec file asks for to a schema. Types are those of the expressions.
func takeSpec(s *resource.Schema, body *hclsyntax.Body) {
	for _, spec := range body.Blocks {
		switch spec.Type {
		case "object":
			takeSpec(s, spec.Body)
		case "attr":
			if s.Attributes == nil {
				s.Attributes = map[string]*resource.Attribute{}
			}
			s.Attributes[spec.Labels[0]] = &resource.Attribute{Type: cty.DynamicPseudoType}
		case "block", "block_list", "block_map":
			b := &resource.Block{}
			takeSpec(&b.Schema, spec.Body)
			if s.Blocks == nil {
				s.Blocks = map[string]*resource.Block{}
			}
			name := strings.Join(spec.Labels, "")
			if a := spec.Body.Attributes["block_type"]; a != nil {
				v, _ := a.Expr.Value(nil)
				name = v.AsString()
			}
			s.Blocks[name] = b
		}
	}
}

// places are where diagnostics are, in a text that begins after some lines.
func places(diags hcl.Diagnostics, after int) []string {
	var all []string
	for _, d := range diags {
		all = append(all, fmt.Sprintf("%d:%d-%d:%d", d.Subject.Start.Line-after, d.Subject.Start.Column, d.Subject.End.Line-after, d.Subject.End.Column))
	}
	return all
}

// compareResult compares what is evaluated with what is wanted. Blocks are in tuples here, and have no labels: each must be one of those
// that are wanted.
func compareResult(t *testing.T, place string, got, want cty.Value) {
	t.Helper()
	if got.Type().IsTupleType() {
		compareBlocks(t, place, got.AsValueSlice(), want)
		return
	}
	for name, w := range want.AsValueMap() {
		switch {
		case !got.Type().HasAttribute(name):
			t.Errorf("%s.%s is missing", place, name)
		case w.Type().IsObjectType():
			compareResult(t, place+"."+name, got.GetAttr(name), w)
		case !sameValue(got.GetAttr(name), w):
			t.Errorf("%s.%s: %#v, want %#v", place, name, got.GetAttr(name), w)
		}
	}
}

func compareBlocks(t *testing.T, place string, blocks []cty.Value, want cty.Value) {
	t.Helper()
	all := want.AsValueMap()
	for _, w := range all {
		if !w.Type().IsObjectType() {
			compareResult(t, place, blocks[0], want)
			return
		}
	}
	if len(blocks) != len(all) {
		t.Errorf("%s: %d blocks, want %d", place, len(blocks), len(all))
	}
	for label, w := range all {
		if !slices.ContainsFunc(blocks, func(b cty.Value) bool { return sameObject(b, w) }) {
			t.Errorf("%s %q: no block like %#v", place, label, w)
		}
	}
}

func sameObject(got, want cty.Value) bool {
	for name, w := range want.AsValueMap() {
		if !got.Type().HasAttribute(name) || !sameValue(got.GetAttr(name), w) {
			return false
		}
	}
	return true
}

func sameValue(got, want cty.Value) bool {
	if want.IsNull() {
		return got.IsNull()
	}
	got, err := convert.Convert(got, want.Type())
	return err == nil && got.RawEquals(want)
}
