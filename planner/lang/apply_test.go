package lang_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
)

const chain = `
server "seed" { address = "10.0.0.1" }
image "desk" { from = "debian:bookworm" }
locals { about = "image ${image.desk.id}" }
pac "boot" {
  source = "./boot"
  server = server.seed
  image  = image.desk
}
node "pc" {
  count = 3
  boot  = pac.boot
  name  = "pc${count.index}"
}
step "file" "about" {
  on      = node.pc
  path    = "/about"
  content = "${local.about} at ${self.ip} by ${pac.boot.image.id}"
}
step "file" "each" {
  for_each = { for n in node.pc : n.name => n.ip }
  on       = server.seed
  path     = "/${each.key}"
  content  = each.value
}
output "ips" { value = node.pc[*].ip }
check "ips" {
  assert {
    condition     = alltrue([for n in node.pc : n.ip != ""])
    error_message = "an address is missing"
  }
}
`

// know sets the computed attributes of an instance, as apply does.
func know(t *testing.T, e *lang.Evaluator, number int, computed map[string]cty.Value) {
	t.Helper()
	o, diags := e.Evaluate(number)
	if diags.HasErrors() {
		t.Error(diags)
		return
	}
	attrs := o.Value.AsValueMap()
	for k, v := range computed {
		attrs[k] = v
	}
	e.Set(number, cty.ObjectVal(attrs))
}

func numbers(instances []*lang.Instance) map[string]int {
	n := map[string]int{}
	for _, i := range instances {
		n[i.Addr.String()] = i.Number
	}
	return n
}

func content(t *testing.T, e *lang.Evaluator, number int) cty.Value {
	t.Helper()
	o, diags := e.Evaluate(number)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return o.Value.GetAttr("content")
}

// TestEvaluateAgain follows values from unknown to known, through locals, Pacs, self and each.
func TestEvaluateAgain(t *testing.T) {
	folder(t, chain)
	e, _, instances := walk(t)
	n := numbers(instances)
	step, each := n["step.file.about[1]"], n[`step.file.each["pc1"]`]
	if v := content(t, e, step); v.IsKnown() {
		t.Fatalf("known before anything is applied: %#v", v)
	}
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("sha256:1")})
	if v := content(t, e, step); v.IsKnown() {
		t.Fatalf("known before its node is: %#v", v)
	}
	know(t, e, n["node.pc[1]"], map[string]cty.Value{"ip": cty.StringVal("10.0.0.7")})
	if v, want := content(t, e, step), "image sha256:1 at 10.0.0.7 by sha256:1"; !v.RawEquals(cty.StringVal(want)) {
		t.Errorf("content is %#v, want %q", v, want)
	}
	if v := content(t, e, each); !v.RawEquals(cty.StringVal("10.0.0.7")) {
		t.Errorf("each.value is %#v", v)
	}
	if v := content(t, e, n[`step.file.each["pc2"]`]); v.IsKnown() {
		t.Errorf("another node's each.value is known: %#v", v)
	}
	// What was known can change after all.
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("sha256:2")})
	if v, want := content(t, e, step), "image sha256:2 at 10.0.0.7 by sha256:2"; !v.RawEquals(cty.StringVal(want)) {
		t.Errorf("content is %#v, want %q", v, want)
	}
}

func TestOutputsAndChecksWhileApplying(t *testing.T) {
	folder(t, chain)
	e, _, instances := walk(t)
	n := numbers(instances)
	for i, address := range []string{"node.pc[0]", "node.pc[1]", "node.pc[2]"} {
		if checks, diags := e.Checks(); diags.HasErrors() || checks[0].Status != lang.CheckUnknown {
			t.Errorf("before %s: check is %v, %v", address, checks, diags)
		}
		know(t, e, n[address], map[string]cty.Value{"ip": cty.StringVal(strings.Repeat("1", 2-i))})
	}
	outputs, diags := e.Outputs()
	want := cty.TupleVal([]cty.Value{cty.StringVal("11"), cty.StringVal("1"), cty.StringVal("")})
	if v := outputs["ips"].Value; diags.HasErrors() || !v.RawEquals(want) {
		t.Errorf("output is %#v, %v", v, diags)
	}
	checks, diags := e.Checks()
	if diags.HasErrors() || len(checks) != 1 || checks[0].Status != lang.CheckFailed || checks[0].Message != "an address is missing" {
		t.Errorf("checks: %+v, %v", checks, diags)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	folder(t, chain)
	e, _, instances := walk(t)
	var wg sync.WaitGroup
	for _, i := range instances {
		wg.Go(func() {
			know(t, e, i.Number, map[string]cty.Value{"ip": cty.StringVal("10.0.0.7"), "id": cty.StringVal("x")})
			e.Outputs()
			e.Checks()
		})
	}
	wg.Wait()
	n := numbers(instances)["step.file.about[2]"]
	if v, want := content(t, e, n), "image x at 10.0.0.7 by x"; !v.RawEquals(cty.StringVal(want)) {
		t.Errorf("content is %#v, want %q", v, want)
	}
}

// TestErrorsWhileApplying: an error that only shows with known values is reported by each Evaluate that meets it.
func TestErrorsWhileApplying(t *testing.T) {
	folder(t, `
image "desk" { from = "debian:bookworm" }
locals { n = tonumber(image.desk.id) }
server "a" { address = "10.0.0.${local.n}" }
server "b" { address = "10.0.1.${local.n}" }
`)
	e, _, instances := walk(t)
	n := numbers(instances)
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("text")})
	for _, name := range []string{"server.a", "server.b", "server.a"} {
		if _, diags := e.Evaluate(n[name]); !diags.HasErrors() || diags[0].Subject.Start.Line != 3 {
			t.Errorf("%s: %v, want an error of line 3", name, diags)
		}
	}
}

func TestEvaluateUnknownNumber(t *testing.T) {
	folder(t, chain)
	e, _, instances := walk(t)
	for _, n := range []int{-1, len(instances)} {
		e.Set(n, cty.EmptyObjectVal)
		if _, diags := e.Evaluate(n); !diags.HasErrors() {
			t.Errorf("Evaluate(%d) found something", n)
		}
	}
}

// TestVisitErrors: what follows from an instance that the visitor refuses is not visited, all else is.
func TestVisitErrors(t *testing.T) {
	folder(t, chain)
	e := evaluator(t)
	var seen []string
	diags := e.Walk(context.Background(), func(i *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
		seen = append(seen, i.Addr.String())
		if i.Type == "image" {
			return cty.NilVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "refused", Subject: &i.Range}}
		}
		return o.Value, nil
	})
	if len(diags) != 1 || diags[0].Summary != "refused" || !slices.Equal(seen, []string{"server.seed", "image.desk"}) {
		t.Errorf("%v, saw %v", diags, seen)
	}
}

// TestAfterWalkWithErrors: what Walk could not evaluate stays without a value, whatever is asked for later.
func TestAfterWalkWithErrors(t *testing.T) {
	invalid := `
variable "n" {
  default = 1
  validation {
    condition     = var.n > 1
    error_message = "Too small."
  }
}
`
	for name, main := range map[string]string{"validation": invalid + chain, "visit": chain} {
		t.Run(name, func(t *testing.T) {
			folder(t, main+`output "boot" { value = pac.boot.server }`)
			e := evaluator(t)
			diags := e.Walk(context.Background(), func(i *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
				if i.Addr.String() == "node.pc[1]" {
					return cty.NilVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "refused"}}
				}
				return o.Value, nil
			})
			if !diags.HasErrors() {
				t.Fatal("no error")
			}
			outputs, _ := e.Outputs()
			if o, ok := outputs["ips"]; ok {
				t.Errorf("there are addresses: %#v", o.Value)
			}
			if checks, _ := e.Checks(); len(checks) != 1 || checks[0].Status != lang.CheckUnknown {
				t.Errorf("checks: %+v", checks)
			}
		})
	}
}

func TestWalkInterrupted(t *testing.T) {
	folder(t, chain)
	ctx, cancel := context.WithCancel(context.Background())
	visited := 0
	e := evaluator(t)
	diags := e.Walk(ctx, func(_ *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
		visited++
		cancel()
		return o.Value, nil
	})
	if visited != 1 || len(diags) != 1 || !strings.Contains(diags[0].Detail, context.Canceled.Error()) {
		t.Errorf("%d visited, %v", visited, diags)
	}
	if diags := e.Walk(context.Background(), nil); !diags.HasErrors() {
		t.Error("walked twice")
	}
}

func evaluator(tb testing.TB, inputs ...lang.Input) *lang.Evaluator {
	tb.Helper()
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	e, diags := lang.NewEvaluator(c, inputs)
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	return e
}

func TestInputs(t *testing.T) {
	folder(t, `
variable "text" { type = string }
variable "list" { type = list(number) }
variable "any" {}
variable "secret" {
  sensitive = true
  type      = map(string)
}
output "all" { value = [var.text, var.list, var.any, var.secret] }
`)
	if err := os.WriteFile("vars.json", []byte(`{"any": {"a": [true]}, "secret": {"x": 1}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	inputs, diags := lang.ReadVarFile("vars.json")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	inputs = append(inputs,
		lang.Input{Name: "text", Text: "first"},
		lang.Input{Name: "text", Text: `[not "hcl`},
		lang.Input{Name: "list", Text: `[1, "2"]`},
	)
	e, _, _ := walk(t, inputs...)
	outputs, diags := e.Outputs()
	want := `["[not \"hcl", [1, 2], {a: [true]}, sensitive({x: "1"})]`
	if got := text(outputs["all"].Value); diags.HasErrors() || got != want {
		t.Errorf("%s, want %s; %v", got, want, diags)
	}
}

func TestReadVarFileErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"reference": "a = b", "block": "a {}", "syntax": "a =", "x.json": "{"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"none", "reference", "block", "syntax", "x.json"} {
		if inputs, diags := lang.ReadVarFile(name); !diags.HasErrors() {
			t.Errorf("%s: %v", name, inputs)
		}
	}
}

func TestLoadWithoutFolder(t *testing.T) {
	c, diags := lang.Load("/nonexistent", lang.LoadOptions{})
	if !diags.HasErrors() || len(c.Files()) != 0 {
		t.Errorf("%v", diags)
	}
}

// FuzzLoad loads, and if that goes well evaluates, any text: nothing may panic.
func FuzzLoad(f *testing.F) {
	small := strings.ReplaceAll(crowded, "1000", "3")
	archives, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.Contains(file.Name, ".viver.hcl") {
				f.Add(string(file.Data), strings.HasSuffix(file.Name, ".json"))
			}
		}
	}
	for _, s := range []string{chain, small, boot, changing} {
		f.Add(s, false)
	}
	f.Add(changingJSON, true)
	large := regexp.MustCompile(`[0-9]{3}|[eE]\+?[0-9]`)
	costly := regexp.MustCompile(`file\w*\(|abspath|pathexpand|bcrypt`)
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		if costly.MatchString(text) || large.MatchString(text) || len(text) > 1<<14 {
			return // reads files of this machine, calculates for minutes, or has instances without number
		}
		t.Chdir(t.TempDir())
		name := "main.viver.hcl"
		if isJSON {
			name += ".json"
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas(), Version: "1.0.0"})
		if diags.HasErrors() {
			return
		}
		e, diags := lang.NewEvaluator(c, nil)
		if diags.HasErrors() {
			return
		}
		e.Walk(context.Background(), func(_ *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) { return o.Value, nil })
		e.Outputs()
		e.Checks()
		e.Imports()
		e.Renamed("node.a")
		e.Evaluate(0)
		e.Verify(0)
	})
}

// TestConditionsWhileApplying: what was unknown when planning is judged once it is known.
func TestConditionsWhileApplying(t *testing.T) {
	folder(t, `
image "desk" { from = "debian:bookworm" }
node "pc" {
  count = 2
  name  = "pc${count.index}"
  lifecycle {
    precondition {
      condition     = image.desk.id != "bad"
      error_message = "The image is bad for ${count.index}."
    }
    postcondition {
      condition     = self.ip != "" && image.desk.id != ""
      error_message = "${self.name} has no address."
    }
  }
}
`)
	e, _, instances := walk(t)
	n := numbers(instances)
	pc := n["node.pc[1]"]
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("bad")})
	if _, diags := e.Evaluate(pc); len(diags) != 1 || diags[0].Detail != "node.pc[1]: The image is bad for 1." {
		t.Errorf("precondition: %v", diags)
	}
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("good")})
	if diags := e.Verify(pc); len(diags) > 0 {
		t.Errorf("judged without an address: %v", diags)
	}
	know(t, e, pc, map[string]cty.Value{"ip": cty.StringVal("")})
	if diags := e.Verify(pc); len(diags) != 1 || diags[0].Detail != "node.pc[1]: pc1 has no address." {
		t.Errorf("postcondition: %v", diags)
	}
	know(t, e, pc, map[string]cty.Value{"ip": cty.StringVal("10.0.0.7")})
	if diags := append(e.Verify(pc), e.Verify(-1)...); len(diags) > 0 {
		t.Errorf("postcondition that holds: %v", diags)
	}
}

// TestValidationsWhileApplying: an input of a Pac that was unknown when planning is judged once it is known.
func TestValidationsWhileApplying(t *testing.T) {
	folder(t, `
image "desk" { from = "debian:bookworm" }
server "seed" { address = "10.0.0.1" }
pac "boot" {
  source = "./boot"
  image  = image.desk
  server = server.seed
}
pac "digest" {
  source = "./digest"
  id     = image.desk.id
  server = server.seed
}
`)
	if err := os.Mkdir("digest", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "digest/pac.viver.hcl", `
variable "server" { type = server }
variable "id" {
  type = string
  validation {
    condition     = startswith(var.id, "sha256:")
    error_message = "No digest."
  }
}
pac "inner" {
  source = "../inner"
  server = var.server
}
`)
	if err := os.Mkdir("inner", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, "inner/pac.viver.hcl", `
variable "server" { type = server }
step "file" "x" {
  on   = var.server
  path = "/x"
}
`)
	e, _, instances := walk(t)
	n := numbers(instances)
	step := n["pac.digest.pac.inner.step.file.x"]
	if _, diags := e.Evaluate(step); diags.HasErrors() {
		t.Errorf("judged too early: %v", diags)
	}
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("md5:1")})
	for range 2 {
		if _, diags := e.Evaluate(step); len(diags) != 1 || !strings.Contains(diags[0].Detail, "No digest.") {
			t.Errorf("%v", diags)
		}
	}
	know(t, e, n["image.desk"], map[string]cty.Value{"id": cty.StringVal("sha256:1")})
	if _, diags := e.Evaluate(step); len(diags) > 0 {
		t.Errorf("%v", diags)
	}
}
