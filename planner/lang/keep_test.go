package lang_test

import (
	"fmt"
	"strings"
	"testing"
)

// losing are expressions of which hcl, or a function, could lose marks.
var losing = []string{
	`!(image.a.id == "x")`,
	`image.a.id == "x" && true`,
	`true || image.a.id == "x"`,
	`-length(image.a.id)`,
	`length(image.a.id) + 1 > 2`,
	`"%{for n in [image.a] }${n.id}%{endfor}"`,
	`"%{if image.a.id == "x"}yes%{endif}"`,
	`"x${image.a.id}"`,
	`{ a = 1 }[image.a.id]`,
	`tomap({ a = "1" })[image.a.id]`,
	`["x","y"][image.a.id]`,
	`{ "debian" = "1" }[image.a.from]`,
	`tomap({ "debian" = "1" })[image.a.from]`,
	`{ (image.a.id) = 1 }`,
	`{ x = { (image.a.id) = 1 } }`,
	`jsondecode(image.a.id)`,
	`[for x in jsondecode(image.a.id) : x]`,
	`[for x in [1] : x if image.a.id == ""]`,
	`[for x in [image.a.id] : x if image.b.id == ""]`,
	`{ for x in ["q"] : "${x}${image.a.id}" => image.b.id }`,
	`true ? image.a.id : "x"`,
	`image.b.id == "" ? [image.a.id] : ["x"]`,
	`image.b.id == "" ? { q = image.a.from } : { q = "x" }`,
	`(image.b.id == "" ? image.a : image.b).from`,
	`(image.b.id == "" ? [image.a] : [])[*].from`,
	`(true ? image.a : null).id`,
	`coalesce(null, image.a).id`,
	`distinct([image.a])[0].id`,
	`toset([image.a, image.b])[*].id`,
	`tolist([image.a, image.b])[*].from`,
	`join(",", [image.a.id])`,
	`try(image.a.id, "x")`,
	`can(tonumber(image.a.id))`,
	`try(tonumber(image.a.id), "x")`,
	`lookup({ a = image.a.id }, "a", "x")`,
	`lookup({ a = 1 }, image.a.id, "x")`,
	`lookup(tomap({ a = image.a.id }), "a")`,
	`lookup(jsondecode(image.a.id), "a", 1)`,
	`merge({ a = image.a.id }, { b = 1 })`,
	`merge(jsondecode(image.a.id), { b = 1 })`,
	`keys({ (image.a.id) = 1 })`,
	`concat([image.a.id], ["x"])`,
	`concat(jsondecode(image.a.id), ["x"])`,
	`length(jsondecode(image.a.id))`,
	`coalesce(image.a.id, "x")`,
	`coalesce(null, jsondecode(image.a.id))`,
	`flatten([[image.a.id], jsondecode(image.a.id)])`,
	`toset([image.a.id, "x"])`,
	`sort([image.a.id, "x"])`,
	`element([image.a.id, "x"], 0)`,
	`element(["x", "y"], length(image.a.id))`,
	`one([image.a.id])`,
	`jsonencode({ x = [image.a.id] })`,
	`templatestring("$${x}", { x = image.a.id })`,
	`templatestring(image.a.id, { x = 1 })`,
	`format("%s", image.a.id)`,
	`range(length(image.a.id))`,
	`[image.a][*].id`,
	`jsondecode(image.a.id)[*].x`,
	`jsondecode(image.a.id).x.y`,
	`jsondecode("[1]")[image.a.id]`,
	`zipmap([image.a.id], ["x"])`,
	`setproduct([image.a.id], ["x"])`,
	`values({ q = image.a.id })[0]`,
	`contains([image.a.id], "x")`,
	`distinct([image.a.id, "x"])`,
	`compact([image.a.id])`,
	`index([image.a.id], "x")`,
	`sum([length(image.a.id)])`,
	`alltrue([image.a.id == "x"])`,
	`anytrue([image.a.id == "x"])`,
	`max(1, length(image.a.id))`,
	`matchkeys(["x"], [image.a.id], ["y"])`,
	`transpose({ a = [image.a.id] })`,
	`chunklist([image.a.id], 1)`,
	`slice([image.a.id], 0, 1)`,
	`reverse([image.a.id])`,
	`issensitive(image.a.id)`,
	`nonsensitive(image.a.id)`,
	`type(image.a.id)`,
	`yamldecode(image.a.id)`,
	`csvdecode(image.a.id)`,
	`split(",", image.a.id)`,
	`regex(image.a.id, "x")`,
	`replace("x", image.a.id, "y")`,
	`tolist([image.a.id])`,
	`tomap({ x = image.a.id })`,
	`setunion([image.a.id], ["x"])`,
	`lookup({ debian = 1 }, image.a.from)`,
	`coalescelist([], [image.a.id])`,
	`coalescelist(jsondecode(image.a.id), ["x"])`,
	`[for i, x in [image.a.id, "y"] : upper(x)]`,
	`{ for x in [image.a] : x.from => x.id... }`,
}

// TestMarksAreKept: whatever an argument is made of, it depends on all images that it names, before anything is known of them. It may
// stand in the block itself, in a block within it, in a dynamic one, or be written in JSON.
func TestMarksAreKept(t *testing.T) {
	forms := map[string]string{
		"main.viver.hcl": `
step "file" "x" {
  on   = server.s
  path = jsonencode({ a = %s })
}`,
		"nested.viver.hcl": `
node "x" {
  name = "x"
  disk { device = jsonencode([%s]) }
}`,
		"dynamic.viver.hcl": `
node "y" {
  name = "y"
  dynamic "disk" {
    for_each = ["d"]
    content { device = "${disk.value} ${jsonencode([%s])}" }
  }
}`,
		"json.viver.hcl.json": `{"node": {"z": {"name": %q}}}`,
	}
	for _, x := range losing {
		t.Run(x, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "images.viver.hcl", `
image "a" { from = "debian" }
image "b" { from = "debian" }
server "s" { address = "1" }
`)
			for name, form := range forms {
				text := x
				if strings.HasSuffix(name, ".json") {
					text = "${jsonencode([" + x + "])}"
				}
				write(t, name, fmt.Sprintf(form, text))
			}
			_, objects, instances := walk(t)
			for n, i := range instances {
				if i.Type != "step.file" && i.Type != "node" {
					continue
				}
				for m, other := range instances {
					named := strings.Contains(x, other.Addr.String()) || i.Machine == other.Addr.String()
					if objects[n].Depends.Has(m) != named {
						t.Errorf("%s depends on %s: %v", i.Addr, other.Addr, !named)
					}
				}
			}
		})
	}
}

// TestMarksInUnknownBlocks: of blocks that are not looked at yet, all that they name counts.
func TestMarksInUnknownBlocks(t *testing.T) {
	for name, main := range map[string]string{
		"main.viver.hcl": `
node "x" {
  name = "x"
  disk { device = image.a.id }
  dynamic "disk" {
    for_each = split(",", image.b.id)
    content { device = disk.value }
  }
}`,
		"main.viver.hcl.json": `{"node": {"x": {"name": "x", "disk": [{"device": "${{(image.a.id) = image.b.id}}"}]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "images.viver.hcl", `
image "a" { from = "debian" }
image "b" { from = "debian" }
`)
			write(t, name, main)
			_, objects, _ := walk(t)
			if o := objects[len(objects)-1]; o.Depends.Len() != 2 {
				t.Errorf("%d dependencies, want both images", o.Depends.Len())
			}
		})
	}
}
