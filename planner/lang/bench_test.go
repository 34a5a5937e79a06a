package lang_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"viver/planner/lang"
)

// A network of 2,500 nodes, each with one step that refers to its node by each.key: 5,002 instances.
const large = `
server "seed" { address = "10.0.0.1" }
image "desk" {
  from     = "debian:bookworm"
  packages = ["openssh-server"]
}
pac "boot" {
  source = "./boot"
  server = server.seed
  image  = image.desk
}
locals { keys = toset([for i in range(2500) : format("pc%04d", i)]) }
node "pc" {
  for_each = local.keys
  boot     = pac.boot
  name     = each.key
}
step "file" "motd" {
  for_each = local.keys
  on       = node.pc[each.key]
  path     = "/etc/motd"
  content  = "hello ${node.pc[each.key].name} of ${length(node.pc)}\n"
}
`

// 4,990 instances of one block, each of which refers to one other instance.
const star = `
server "seed" { address = "10.0.0.1" }
node "pc" {
  count  = 4990
  name   = format("pc%04d", count.index)
  server = server.seed
  mac    = "${server.seed.address}-${count.index}"
}
`

// Loops of 100 times 100 rounds within a block of 1,000 instances.
const nestedLoops = `
locals { hundred = range(100) }
node "pc" {
  for_each = toset(names("pc[0001-1000]"))
  name     = each.key
  mac      = "${each.key} ${length(flatten([for a in local.hundred : [for b in local.hundred : a * b]]))}"
}
`

// One step on all nodes, which lists them all: what is the same in all instances must be evaluated once.
const crowded = `
node "pc" {
  count = 1000
  name  = "pc${count.index}"
}
step "file" "hosts" {
  on      = node.pc
  path    = "/etc/hosts"
  content = join("\n", [for n in node.pc : n.name])
}
step "unit" "peers" {
  on    = node.pc
  name  = self.name
  type  = "${self.name} of ${join(",", [for n in node.pc : n.name])}"
  peers = node.pc
  listen {}
}
`

const boot = `
variable "server" { type = server }
variable "image"  { type = image }
output "server" { value = var.server }
output "image"  { value = var.image }
`

func folder(tb testing.TB, main string) {
	tb.Helper()
	tb.Chdir(tb.TempDir())
	if err := os.Mkdir("boot", 0o755); err != nil {
		tb.Fatal(err)
	}
	write(tb, "main.viver.hcl", main)
	write(tb, "boot/pac.viver.hcl", boot)
}

func write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// walk evaluates the configuration in this folder. What is computed is unknown, as at the first plan.
func walk(tb testing.TB, inputs ...lang.Input) (*lang.Evaluator, []lang.Object, []*lang.Instance) {
	tb.Helper()
	c, diags := lang.Load(".", lang.LoadOptions{Schemas: schemas()})
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	e, diags := lang.NewEvaluator(c, inputs)
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	instances, objects := visited(tb, e)
	return e, objects, instances
}

func visited(tb testing.TB, e *lang.Evaluator) (instances []*lang.Instance, objects []lang.Object) {
	tb.Helper()
	diags := e.Walk(context.Background(), func(i *lang.Instance, o lang.Object) (cty.Value, hcl.Diagnostics) {
		objects, instances = append(objects, o), append(instances, i)
		return o.Value, nil
	})
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	return instances, objects
}

func BenchmarkWalk(b *testing.B) {
	for name, main := range map[string]string{"large": large, "crowded": crowded, "star": star, "loops": nestedLoops} {
		b.Run(name, func(b *testing.B) {
			folder(b, main)
			b.ReportAllocs()
			for b.Loop() {
				walk(b)
			}
		})
	}
}

// BenchmarkApply is the language's part in applying 2,500 nodes and the steps on them, each after its node is known.
func BenchmarkApply(b *testing.B) {
	folder(b, large)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		e, objects, instances := walk(b)
		b.StartTimer()
		for n, i := range instances {
			o, diags := e.Evaluate(n)
			if diags.HasErrors() {
				b.Fatal(diags)
			}
			attrs := objects[n].Value.AsValueMap()
			for k, v := range o.Value.AsValueMap() {
				attrs[k] = v
			}
			for name, a := range schemas()[i.Type].Attributes {
				if a.Computed {
					attrs[name] = cty.StringVal(fmt.Sprint(n))
				}
			}
			e.Set(n, cty.ObjectVal(attrs))
		}
	}
}
