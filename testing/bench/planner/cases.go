package main

import "fmt"

// kase is one configuration in some size.
type kase struct {
	name      string
	instances int
	// peers says that the peers are measured with it too.
	peers bool
}

// The configurations.
const (
	single = "each refers to one" // n instances of one block, each of which refers to one other instance
	pairs  = "pairs by each.key"  // n/2 instances, and n/2 which refer each to its own: node.pc[each.key]
	nested = "100 x 100 for"      // n instances, each with two nested loops over 100 elements
)

func cases() []kase {
	var all []kase
	for _, n := range []int{100, 500, 1000, 5000, 10000} {
		all = append(all, kase{single, n, n <= 5000 && n >= 500}, kase{pairs, n, n <= 5000 && n >= 500})
	}
	return append(all, kase{nested, 10, true}, kase{nested, 100, true})
}

// viverFiles is a case for viver.
func viverFiles(k kase) map[string]string {
	head := "server \"seed\" { address = \"10.0.0.1\" }\n"
	switch k.name {
	case single:
		return map[string]string{"main.viver.hcl": head + fmt.Sprintf(`
step "file" "a" {
  for_each = toset([for i in range(%d) : format("f%%05d", i)])
  on       = server.seed
  path     = "/tmp/${each.key}"
  content  = server.seed.address
}
`, k.instances-1)}
	case pairs:
		return map[string]string{"main.viver.hcl": head + fmt.Sprintf(`
network "room" {
  cidr      = ["10.0.0.0/16"]
  interface = "eth1"
}
image "desk" { from = "debian:bookworm" }
pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.room
  image   = image.desk
}
locals { keys = toset([for i in range(%d) : format("pc%%05d", i)]) }
node "pc" {
  for_each = local.keys
  boot     = pac.boot
  name     = each.key
}
step "file" "motd" {
  for_each = local.keys
  on       = node.pc[each.key]
  path     = "/etc/motd"
  content  = "hello ${node.pc[each.key].name}"
}
`, k.instances/2)}
	}
	return map[string]string{"main.viver.hcl": head + fmt.Sprintf(`
step "file" "a" {
  for_each = toset([for i in range(%d) : format("f%%05d", i)])
  on       = server.seed
  path     = "/tmp/${each.key}"
  content  = join(",", [for x in range(100) : join(",", [for y in range(100) : "${each.key}-${x * y}"])])
}
`, k.instances-1)}
}

// tofuFiles is the same for OpenTofu, whose range stops at 1,024 values.
func tofuFiles(k kase) map[string]string {
	keys := func(n int) string {
		return fmt.Sprintf(`locals {
  all  = flatten([for h in range(%d) : [for i in range(100) : h * 100 + i]])
  keys = toset([for i in local.all : format("f%%05d", i) if i < %d])
}
`, n/100+1, n)
	}
	switch k.name {
	case single:
		return map[string]string{"main.tf": keys(k.instances-1) + `
resource "terraform_data" "seed" { input = "10.0.0.1" }
resource "terraform_data" "a" {
  for_each = local.keys
  input    = "${each.key} ${terraform_data.seed.input}"
}
`}
	case pairs:
		return map[string]string{"main.tf": keys(k.instances/2) + `
resource "terraform_data" "node" {
  for_each = local.keys
  input    = each.key
}
resource "terraform_data" "step" {
  for_each = local.keys
  input    = "hello ${terraform_data.node[each.key].input}"
}
`}
	}
	return map[string]string{"main.tf": keys(k.instances-1) + `
resource "terraform_data" "a" {
  for_each = local.keys
  input    = join(",", [for x in range(100) : join(",", [for y in range(100) : "${each.key}-${x * y}"])])
}
`}
}
