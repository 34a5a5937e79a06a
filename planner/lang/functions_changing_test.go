package lang_test

import (
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/bcrypt"

	"viver/planner/lang"
)

const changing = `
locals {
  id   = uuid()
  hash = core::bcrypt("secret", 4)
  plan = plantimestamp()
}
server "seed" { address = "10.0.0.1" }
step "file" "x" {
  count   = 2
  on      = server.seed
  path    = "/${local.id}"
  content = join(" ", ["at", upper(timestamp())])
  mode    = uuid()
}
node "pc" {
  name = local.plan
  disk { device = uuid() }
}
output "hash" { value = local.hash }
`

// changingJSON says the same in the other syntax, where calls stand in strings.
const changingJSON = `{
  "locals": {"jid": "${uuid()}"},
  "server": {"json": {"address": "${uuid()}", "ssh": {"host": "${uuid()}"}}},
  "output": {"jid": {"value": "${local.jid}"}}
}`

// TestChangingFunctions: what gives another answer each time is unknown when planning, and is found when applying.
func TestChangingFunctions(t *testing.T) {
	folder(t, changing)
	write(t, "more.viver.hcl.json", changingJSON)
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c.SetPlanTime(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	e, diags := lang.NewEvaluator(c, nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	instances, objects := visited(t, e)
	n := numbers(instances)
	attribute := func(o cty.Value, name string) cty.Value {
		if name == "ssh" {
			return o.GetAttr("ssh").GetAttr("host")
		}
		return o.GetAttr(name)
	}
	cases := map[string][]string{"step.file.x[0]": {"path", "content", "mode"}, "step.file.x[1]": {"mode"}, "server.json": {"address", "ssh"}}
	for address, names := range cases {
		for _, name := range names {
			if v := attribute(objects[n[address]].Value, name); v.IsKnown() {
				t.Errorf("%s.%s is known when planning: %#v", address, name, v)
			}
		}
	}
	if v := objects[n["node.pc"]].Value; v.GetAttr("name").AsString() != "2026-01-31T12:00:00Z" || v.GetAttr("disk").IsWhollyKnown() {
		t.Errorf("node is %#v", v)
	}
	seen := map[string]string{}
	for address, names := range cases {
		o, diags := e.Evaluate(n[address])
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, name := range names {
			v := attribute(o.Value, name)
			if !v.IsKnown() {
				t.Fatalf("%s.%s is unknown when applying", address, name)
			}
			if other := seen[v.AsString()]; other != "" {
				t.Errorf("%s and %s.%s are the same", other, address, name)
			}
			seen[v.AsString()] = address + "." + name
		}
	}
	outputs, diags := e.Outputs()
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if err := bcrypt.CompareHashAndPassword([]byte(outputs["hash"].Value.AsString()), []byte("secret")); err != nil {
		t.Error(err)
	}
	again, _ := e.Outputs()
	if a, b := outputs["jid"].Value, again["jid"].Value; !a.IsKnown() || !a.RawEquals(b) {
		t.Errorf("a local that was found changes: %#v, %#v", a, b)
	}
}
