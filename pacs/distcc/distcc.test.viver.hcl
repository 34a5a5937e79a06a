# distcc on simulated machines.
network "lab" { cidr = ["10.20.0.0/16"] }
server "seed" { address = "10.20.0.1" }
image "desk" { from = "debian:bookworm" }

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

variable "jobs" {
  default = null
}

variable "clients" {
  default = []
}

node "pc" {
  count = 2
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}

pac "distcc" {
  source  = "./"
  nodes   = node.pc
  image   = image.desk
  jobs    = var.jobs
  clients = var.clients
}

mock "node.pc[0]" {
  values = { address = "10.20.0.100", facts = { cores = 4 } }
}

mock "node.pc[1]" {
  values = { address = "10.20.0.101", facts = { cores = 8 } }
}

run "the_second_does_not_come" {
  world {
    failing = ["node.pc[1]"]
  }
  expect_failures = [node.pc[1]]
}

run "the_first_went_on_and_now_it_comes" {
  command = plan
  assert {
    condition     = contains(plan.create, "pac.distcc.pac.hosts.step.command.line[\"1/0\"]") && alltrue([for a in plan.create : strcontains(a, "1")]) && length(plan.update) == 0
    error_message = jsonencode([plan.create, plan.update])
  }
}

run "up" {
  assert {
    condition     = pac.distcc.hosts == "10.20.0.100/4 10.20.0.101/8" && pac.distcc.jobs == 12
    error_message = pac.distcc.hosts
  }
}

run "nodes_compile_for_nodes_only" {
  command = plan
  assert {
    condition     = alltrue([for n, line in ["pc01/4 # 10.20.0.100", "pc02/8 # 10.20.0.101"] : plan.arguments["pac.distcc.pac.hosts.step.command.line[\"${n}/1\"]"].check == "grep -qxF '${line}' /etc/distcc/hosts"])
    error_message = plan.arguments["pac.distcc.pac.hosts.step.command.line[\"0/1\"]"].check
  }
  assert {
    condition = alltrue([for line in ["LISTENER=\"10.20.0.101\"", "JOBS=\"8\""] :
    strcontains(plan.arguments["pac.distcc.step.file.server[1]"].content, "${line}\n")])
    error_message = plan.arguments["pac.distcc.step.file.server[1]"].content
  }
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.destroy])
  }
}

run "for_others_too" {
  variables {
    jobs    = 2
    clients = ["10.20.7.0/24"]
  }
  assert {
    condition     = contains(plan.update, "pac.distcc.step.file.server[0]") && pac.distcc.jobs == 4
    error_message = jsonencode(plan.update)
  }
}

run "no_client" {
  command = plan
  variables {
    clients = ["somebody"]
  }
  expect_failures = [pac.distcc]
}
