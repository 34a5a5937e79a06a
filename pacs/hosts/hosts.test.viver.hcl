# Three nodes and a server on simulated machines.
network "lab" { cidr = ["10.20.0.0/16"] }
server "seed" { address = "10.20.0.1" }
image "desk" { from = "debian:bookworm" }

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

variable "nodes" {
  default = 2
}

variable "domain" {
  default = ""
}

variable "mdns" {
  default = false
}

variable "other" {
  default = "seed"
}

node "pc" {
  count = var.nodes
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}

pac "hosts" {
  source = "./"
  nodes  = node.pc
  others = { (var.other) = server.seed.address }
  domain = var.domain
  image  = var.mdns ? image.desk : null
}

mock "node.pc[0]" {
  values = { address = "10.20.0.100" }
}

mock "node.pc[1]" {
  values = { address = "10.20.0.101" }
}

mock "node.pc[2]" {
  values = { address = "10.20.0.102" }
}

run "up" {
  assert {
    condition     = jsonencode(pac.hosts.addresses) == jsonencode({ pc01 = "10.20.0.100", pc02 = "10.20.0.101", seed = "10.20.0.1" })
    error_message = jsonencode(pac.hosts.addresses)
  }
}

run "all_know_all_and_nothing_is_left_to_do" {
  command = plan
  assert {
    condition     = endswith(plan.arguments["pac.hosts.step.file.hosts[1]"].content, "ip6-allrouters\n10.20.0.100 pc01\n10.20.0.101 pc02\n10.20.0.1 seed\n")
    error_message = plan.arguments["pac.hosts.step.file.hosts[1]"].content
  }
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode(plan.update)
  }
}

run "a_third_is_made_known_to_the_others" {
  variables {
    nodes = 3
  }
  assert {
    condition     = contains(plan.update, "pac.hosts.step.file.hosts[0]") && contains(plan.create, "pac.hosts.step.file.hosts[2]")
    error_message = jsonencode(plan.update)
  }
}

run "with_a_domain_and_mdns" {
  variables {
    domain = "room.example.org"
    mdns   = true
  }
  assert {
    condition     = strcontains(plan.arguments["pac.hosts.step.file.hosts[0]"].content, "\n10.20.0.101 pc02.room.example.org pc02\n")
    error_message = plan.arguments["pac.hosts.step.file.hosts[0]"].content
  }
  assert {
    condition     = plan.arguments["pac.hosts.step.package.mdns[\"image\"]"].names == tolist(["avahi-daemon", "libnss-mdns"])
    error_message = "the image has no mDNS"
  }
}

run "no_name" {
  command = plan
  variables {
    other = "no name"
  }
  expect_failures = [pac.hosts]
}
