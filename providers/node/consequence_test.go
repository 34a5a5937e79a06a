package node_test

import (
	"testing"

	"github.com/zclconf/go-cty/cty"

	"viver/nodeimage/spec"
	"viver/planner/resource"
	"viver/providers/node"
	"viver/providers/object"
)

func TestConsequenceOfAnotherImage(t *testing.T) {
	prior := object1(map[string]cty.Value{"image_id": cty.StringVal("one")})
	config := func(id, size, boot, initramfs cty.Value) cty.Value {
		return object1(map[string]cty.Value{"boot": object1(map[string]cty.Value{"image": object1(map[string]cty.Value{
			"addr": cty.StringVal("image.desk"), "id": id, "size": size, "boot_size": boot, "initramfs_size": initramfs,
		})})})
	}
	mb := func(n int64) cty.Value { return cty.NumberIntVal(n << 20) }
	unknown := cty.UnknownVal(cty.Number)
	former := object1(map[string]cty.Value{"size": mb(500), "boot_size": mb(40), "initramfs_size": mb(32)})
	for _, c := range []struct {
		config cty.Value
		want   string
	}{
		{config(cty.StringVal("one"), mb(540), mb(41), mb(31)), ""},
		{config(cty.StringVal("two"), mb(540), mb(41), mb(31)), "takes effect when it reboots; each downloads 41 MB to start and keeps 47 MB or more in RAM; the root is 540 MB, read as needed"},
		{config(cty.UnknownVal(cty.String), unknown, unknown, unknown), "takes effect when it reboots; each downloads about 40 MB to start and keeps 48 MB or more in RAM; the root is about 500 MB, read as needed"},
		{object1(map[string]cty.Value{"boot": cty.DynamicVal}), "takes effect when it reboots"},
	} {
		got := new(node.Type).Consequence(resource.Modification{Config: c.config, Prior: prior, Remembered: func(at string) cty.Value {
			if at == "image.desk" {
				return former
			}
			return cty.NullVal(cty.DynamicPseudoType)
		}})
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestImport(t *testing.T) {
	r := newRoom(t)
	m, _ := r.machine("pc01", "127.0.1.1")
	r.now(m)
	ask := func(id, name string) (map[string]cty.Value, error) {
		return r.typ.Import(t.Context(), resource.ImportRequest{Addr: "node.pc", ID: id, Config: r.config(name, "1m", nil)})
	}
	for _, id := range []string{"pc01", m.MAC} {
		found, err := ask(id, "pc01")
		if err != nil || object.String(object1(found), "address") != "127.0.1.1" || text(found, "image_id") != string(spec.Digest(image)) {
			t.Errorf("%s: %v, %v", id, found, err)
		}
	}
	if _, err := ask("pc02", "pc02"); err == nil {
		t.Error("a machine that is not there was imported")
	}
	if _, err := ask(m.MAC, "pc02"); err == nil {
		t.Error("a machine with another name was imported")
	}
}
