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
  default = 3
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

run "the_third_does_not_come" {
  world {
    failing = ["node.pc[2]"]
  }
  expect_failures = [node.pc[2]]
}

run "the_others_know_each_other_and_now_it_comes" {
  assert {
    condition     = alltrue([for a in plan.create : strcontains(a, "2")]) && alltrue([for n in range(3) : contains(plan.create, "pac.hosts.step.command.name[\"2/${n}\"]")])
    error_message = jsonencode(plan.create)
  }
  assert {
    condition     = jsonencode(pac.hosts.addresses) == jsonencode({ pc01 = "10.20.0.100", pc02 = "10.20.0.101", pc03 = "10.20.0.102", seed = "10.20.0.1" })
    error_message = jsonencode(pac.hosts.addresses)
  }
}

run "all_know_all_and_nothing_is_left_to_do" {
  command = plan
  assert {
    condition     = strcontains(plan.arguments["pac.hosts.step.command.own[1]"].run, "ip6-allrouters\n10.20.0.1 seed'")
    error_message = plan.arguments["pac.hosts.step.command.own[1]"].run
  }
  assert {
    condition     = alltrue([for n, at in ["10.20.0.100", "10.20.0.101", "10.20.0.102"] : plan.arguments["pac.hosts.step.command.name[\"${n}/1\"]"].check == "grep -qxF '${at} ${node.pc[n].name} # node ${node.pc[n].name}' /etc/hosts"])
    error_message = plan.arguments["pac.hosts.step.command.name[\"0/1\"]"].check
  }
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode(plan.update)
  }
}

run "with_a_domain_and_mdns" {
  variables {
    domain = "room.example.org"
    mdns   = true
  }
  assert {
    condition     = strcontains(plan.arguments["pac.hosts.step.command.name[\"1/0\"]"].run, "'10.20.0.101 pc02.room.example.org pc02 # node pc02'")
    error_message = plan.arguments["pac.hosts.step.command.name[\"1/0\"]"].run
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
