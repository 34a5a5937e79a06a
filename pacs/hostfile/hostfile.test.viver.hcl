# A file of nodes on simulated machines.
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

variable "path" {
  default = "/etc/machines"
}

variable "head" {
  default = []
}

node "pc" {
  count = var.nodes
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

pac "machines" {
  source = "./"
  nodes  = node.pc
  path   = var.path
  head   = var.head
  lines  = [for n in node.pc : "${n.name} ${n.address}"]
}

# It waits for no node, and is there although one does not come.
step "file" "count" {
  on      = server.seed
  path    = "/etc/count"
  content = pac.machines.count
}

run "the_third_does_not_come" {
  world {
    failing = ["node.pc[2]"]
  }
  expect_failures = [node.pc[2]]
}

run "the_others_have_each_other_and_now_it_comes" {
  assert {
    condition     = alltrue([for a in plan.create : strcontains(a, "2")]) && alltrue([for n in range(3) : contains(plan.create, "pac.machines.step.command.line[\"2/${n}\"]")])
    error_message = jsonencode(plan.create)
  }
  assert {
    condition     = pac.machines.count == 9 && length(plan.update) == 0
    error_message = jsonencode(plan.update)
  }
}

run "one_fewer" {
  variables {
    nodes = 2
  }
  assert {
    condition     = contains(plan.destroy, "pac.machines.step.command.line[\"2/0\"]") && plan.update == tolist(["step.file.count"])
    error_message = jsonencode([plan.destroy, plan.update])
  }
}

run "no_path" {
  command = plan
  variables {
    path = "machines; reboot"
  }
  expect_failures = [pac.machines]
}

run "a_head_like_a_node" {
  command = plan
  variables {
    head = ["localhost"]
  }
  expect_failures = [pac.machines]
}
