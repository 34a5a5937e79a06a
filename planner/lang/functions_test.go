package lang_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"viver/planner/lang"
)

// evaluateOutput returns the value of an expression in a root module, or the first error.
func evaluateOutput(t *testing.T, expression string) (string, hcl.Diagnostics) {
	t.Helper()
	if err := os.WriteFile("main.viver.hcl", []byte("output \"x\" { value = "+expression+" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := evaluator(t)
	if diags := e.Walk(t.Context(), nil); diags.HasErrors() {
		return "", diags
	}
	outputs, diags := e.Outputs()
	return text(outputs["x"].Value), diags
}

func TestFunctions(t *testing.T) {
	t.Chdir(t.TempDir())
	for expression, want := range map[string]string{
		`cidrhost("10.20.0.0/16", 257)`:                `"10.20.1.1"`,
		`cidrhost("10.20.3.4/16", 0)`:                  `"10.20.0.0"`,
		`cidrhost("fd00::/64", -1)`:                    `"fd00::ffff:ffff:ffff:ffff"`,
		`cidrsubnet("10.0.0.0/8", 0, 0)`:               `"10.0.0.0/8"`,
		`cidrsubnet("fd00::/32", 32, 4294967295)`:      `"fd00:0:ffff:ffff::/64"`,
		`cidrnetmask("10.0.0.0/0")`:                    `"0.0.0.0"`,
		`range(2, 0)`:                                  `[2, 1]`,
		`range(1, 2, 0.5)`:                             `[1, 1.5]`,
		`range(5, 5)`:                                  `[]`,
		`length("größe")`:                              `5`,
		`length({ a = 1 })`:                            `1`,
		`index(["a", "b"], "b")`:                       `1`,
		`one([])`:                                      `null`,
		`one(["x"])`:                                   `"x"`,
		`one(toset(["x"]))`:                            `"x"`,
		`sum([1, "2", 3.5])`:                           `6.5`,
		`alltrue([])`:                                  `true`,
		`alltrue([true, null])`:                        `false`,
		`anytrue([false, true])`:                       `true`,
		`startswith("abc", "ab")`:                      `true`,
		`endswith("abc", "bc")`:                        `true`,
		`strcontains("abc", "d")`:                      `false`,
		`replace("a.b.c", ".", "-")`:                   `"a-b-c"`,
		`replace("a1b22", "/[0-9]+/", "<$0>")`:         `"a<1>b<22>"`,
		`sensitive("x")`:                               `sensitive("x")`,
		`nonsensitive(sensitive("x"))`:                 `"x"`,
		`upper(sensitive("x"))`:                        `sensitive("X")`,
		`base64decode(base64encode("grün"))`:           `"grün"`,
		`sha512("") == sha512("x")`:                    `false`,
		`length(base64sha256("x"))`:                    `44`,
		`toset(["b", "a", "b"])`:                       `["a", "b"]`,
		`tolist([1, "a"])`:                             `["1", "a"]`,
		`tolist(toset([]))`:                            `[]`,
		`toset([for x in ["a"] : sensitive(x)])`:       `sensitive(["a"])`,
		`yamldecode(yamlencode({ a = [1] }))`:          `{a: [1]}`,
		`jsondecode(jsonencode({ a = null }))`:         `{a: null}`,
		`lookup({ a = 1 }, "b", 2)`:                    `2`,
		`try(cidrhost("x", 1), "no")`:                  `"no"`,
		`[for i in range(3) : length(range(2000))]`:    `[2000, 2000, 2000]`,
		`{ for x in ["a", "b"] : x => upper(x) }["b"]`: `"B"`,
		`[for a in ["x", "y"] : [for b in [1, 2] : "${a}${b}${join("", ["!"])}"]]`: `[["x1!", "x2!"], ["y1!", "y2!"]]`,
	} {
		got, diags := evaluateOutput(t, expression)
		if diags.HasErrors() || got != want {
			t.Errorf("%s = %s, want %s; %v", expression, got, want, diags)
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"binary": "\xff", "bad.tpl": "${", "names.tpl": "${a} ${b}"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for expression, want := range map[string]string{
		`cidrhost("10.0.0.0", 1)`:                      "is no prefix",
		`cidrhost("10.0.0.0/30", 4)`:                   "has only 4 addresses",
		`cidrhost("10.0.0.0/30", -5)`:                  "has only 4 addresses",
		`cidrhost("10.0.0.0/30", 0.5)`:                 "whole number",
		`cidrsubnet("10.0.0.0/30", 3, 0)`:              "0 to 2 bits longer",
		`cidrsubnet("10.0.0.0/24", 2, 4)`:              "has only 4 parts",
		`cidrsubnet("10.0.0.0/24", 1e30, 4)`:           "0 to 8 bits longer",
		`cidrnetmask("fd00::/64")`:                     "only IPv4",
		`range()`:                                      "takes a limit",
		`range(1, 2, 0)`:                               "cannot be 0",
		`range(1, 2, -1)`:                              "must lead",
		`range(1e9)`:                                   "more than 1048576 numbers",
		`range(1 / 0)`:                                 "infinite",
		`index(["a"], "b")`:                            "not in the list",
		`one([1, 2])`:                                  "there are 2",
		`sum("x")`:                                     "want a list of numbers",
		`base64decode("%")`:                            "not base64",
		`base64decode("/w==")`:                         "UTF-8",
		`file("none")`:                                 "no such file",
		`file("binary")`:                               "UTF-8",
		`templatefile("none", {})`:                     "no such file",
		`templatefile("bad.tpl", {})`:                  "bad.tpl:1",
		`templatefile("names.tpl", { a = 1 })`:         `names "b" at names.tpl:1,8-9`,
		`templatefile("names.tpl", "x")`:               "want an object",
		`templatefile("names.tpl", { a = 1, b = [] })`: "names.tpl:1",
		`templatestring("$${x}", {})`:                  `names "x"`,
		`templatestring("%%{ if }", {})`:               "<templatestring>:1",
		`names("n[1-")`:                                "a [ without ]",
		`names("n]1")`:                                 "a ] without [",
		`names("n 1")`:                                 "a space within a name",
		`names("a,,b")`:                                "an empty name",
		`names("")`:                                    "an empty name",
		`names("n[3-1]")`:                              "leads nowhere",
		`names("n[1-9/0]")`:                            "leads nowhere",
		`names("n[a-b]")`:                              "no number from 0",
		`names("n[]")`:                                 "no number from 0",
		`names("n[0-99999999999999999999]")`:           "no number from 0",
		`names("n[0-2147483647]")`:                     "more than 1048576 names",
		`names("n[0-2000][0-2000]")`:                   "more than 1048576 names",
		`cidrrange("10.0.0.0/8", 0, -1)`:               "more than 1048576 addresses",
		`cidrrange("10.0.0.0/8", 2, 1)`:                "comes before",
		`cidrrange("10.0.0.0/30", 0, 4)`:               "has only 4 addresses",
		`cidrrange("10.0.0.0", 0, 4)`:                  "is no prefix",
		`cidrsubnets("10.0.0.0/24", 1, 1, 1)`:          "no room left",
		`cidrsubnets("10.0.0.0/24", 0)`:                "from 1 to 8 bits longer",
		`cidrsubnets("x", 1)`:                          "is no prefix",
		`cidrcontains("10.0.0.0/24", "fd00::1")`:       "different families",
		`cidrcontains("10.0.0.0/24", "x")`:             "neither an address nor a prefix",
		`coalesce()`:                                   "at least one value",
		`coalesce(null, "")`:                           "all values are null or empty",
		`coalesce({}, "hello")`:                        "of one type",
		`lookup({ a = 1 }, "b")`:                       "no such attribute",
		`lookup(tomap({ a = 1 }), "b")`:                "no such key",
		`lookup(tomap({ a = 1 }), "b", [])`:            "the default must be of the type",
		`lookup([], "b", 1)`:                           "want a map or an object",
		`lookup({}, "b", 1, 2)`:                        "takes a map, a key and a default",
		`matchkeys(["a"], [], [])`:                     "1 values and 0 keys",
		`matchkeys(["a"], [{}], ["x"])`:                "of one type",
		`transpose({ a = null })`:                      "is null",
		`transpose({ a = [null] })`:                    "null among its strings",
		`base64gunzip("%")`:                            "not base64",
		`base64gunzip("SGVsbG8=")`:                     "not packed by gzip",
		`textencodebase64("x", "nonsense")`:            "no encoding of this name",
		`textencodebase64("日", "ISO-8859-1")`:          "cannot express",
		`textdecodebase64("%", "UTF-8")`:               "not base64",
		`textdecodebase64("/w==", "UTF-8")`:            "not text in UTF-8",
		`urldecode("%zz")`:                             "not encoded as in a URL",
		`rsadecrypt("%", "")`:                          "not base64",
		`rsadecrypt("", "x")`:                          "want an RSA private key",
		`uuidv5("x", "")`:                              "want dns, url, oid, x500 or a UUID",
		`bcrypt("x", 99)`:                              "from 4 to 31",
		`bcrypt("x", 5, 6)`:                            "perhaps a cost",
		`timecmp("x", "2020-01-01T00:00:00Z")`:         "RFC 3339",
		`pathexpand("~root/x")`:                        "only ~/ is known",
		`fileset(".", "[")`:                            "is no pattern",
	} {
		_, diags := evaluateOutput(t, expression)
		if !diags.HasErrors() || !strings.Contains(diags[0].Detail, want) {
			t.Errorf("%s: %v, want an error with %q", expression, diags, want)
		}
	}
}

// TestSharedParts: parts that are evaluated once must see each instance's own names where they use them.
func TestSharedParts(t *testing.T) {
	folder(t, `
node "pc" {
  count = 2
  name  = join("-", ["pc", count.index, upper("x"), [for each in ["u"] : upper(each)][0]])
}
step "file" "x" {
  on      = node.pc
  path    = "${length(node.pc)} ${join(",", [for self in node.pc : self.name])} ${self.name}"
  content = join(" ", flatten([for n in node.pc : [for m in node.pc : "${n.name}>${m.name}" if m.name != self.name]]))
}
`)
	_, objects, instances := walk(t)
	n := numbers(instances)
	for address, want := range map[string][2]string{
		"step.file.x[0]": {"2 pc-0-X-U,pc-1-X-U pc-0-X-U", "pc-0-X-U>pc-1-X-U pc-1-X-U>pc-1-X-U"},
		"step.file.x[1]": {"2 pc-0-X-U,pc-1-X-U pc-1-X-U", "pc-0-X-U>pc-0-X-U pc-1-X-U>pc-0-X-U"},
	} {
		o := objects[n[address]].Value
		if path, content := o.GetAttr("path").AsString(), o.GetAttr("content").AsString(); path != want[0] || content != want[1] {
			t.Errorf("%s: %q, %q", address, path, content)
		}
		if d := objects[n[address]].Depends; d.Len() != 2 {
			t.Errorf("%s depends on %d instances, want both nodes", address, d.Len())
		}
	}
}

// TestManyDependencies: many marks on one value are kept as one.
func TestManyDependencies(t *testing.T) {
	folder(t, crowded)
	_, objects, instances := walk(t)
	n := numbers(instances)
	for _, address := range []string{"step.file.hosts[7]", "step.unit.peers[999]"} {
		if got := objects[n[address]].Depends.Len(); got != 1000 {
			t.Errorf("%s depends on %d instances, want 1000", address, got)
		}
	}
}

// TestConfigServesManyEvaluators: what one evaluator found out must not reach another.
func TestConfigServesManyEvaluators(t *testing.T) {
	folder(t, `
variable "x" { type = string }
node "pc" {
  count = 2
  name  = "${upper(var.x)}${count.index}"
}
output "names" { value = node.pc[*].name }
`)
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, x := range []string{"a", "b"} {
		e, diags := lang.NewEvaluator(c, []lang.Input{{Name: "x", Text: x}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		w := &walker{b: new(strings.Builder)}
		if diags := e.Walk(t.Context(), w.visit); diags.HasErrors() {
			t.Fatal(diags)
		}
		outputs, _ := e.Outputs()
		if got, want := text(outputs["names"].Value), strings.ToUpper(`["`+x+`0", "`+x+`1"]`); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
