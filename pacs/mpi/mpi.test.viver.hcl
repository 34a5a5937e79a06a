# MPI on simulated machines.
network "lab" { cidr = ["fd00::/64", "10.20.0.0/16"] }
server "seed" { address = "10.20.0.1" }
image "desk" { from = "debian:bookworm" }

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

variable "slots" {
  default = null
}

variable "compiler" {
  default = true
}

node "pc" {
  count = 2
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}

pac "mpi" {
  source   = "./"
  nodes    = node.pc
  image    = image.desk
  network  = network.lab
  slots    = var.slots
  compiler = var.compiler
}

mock "node.pc[0]" {
  values = { facts = { cores = 4 } }
}

mock "node.pc[1]" {
  values = { facts = { cores = 8 } }
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
    condition     = contains(plan.create, "pac.mpi.pac.hostfile.step.command.line[\"1/0\"]") && alltrue([for a in plan.create : strcontains(a, "1")]) && length(plan.update) == 0
    error_message = jsonencode([plan.create, plan.update])
  }
}

run "up" {
  assert {
    condition     = pac.mpi.slots == 12
    error_message = "There are ${pac.mpi.slots} slots."
  }
}

run "all_cores_of_all_nodes" {
  command = plan
  assert {
    condition     = alltrue([for n, line in ["pc01 slots=4", "pc02 slots=8"] : plan.arguments["pac.mpi.pac.hostfile.step.command.line[\"${n}/1\"]"].check == "grep -qxF '${line}' ${pac.mpi.hostfile}"])
    error_message = plan.arguments["pac.mpi.pac.hostfile.step.command.line[\"0/1\"]"].check
  }
  assert {
    condition     = strcontains(plan.arguments["pac.mpi.step.file.parameters[0]"].content, "btl_tcp_if_include = 10.20.0.0/16\n")
    error_message = plan.arguments["pac.mpi.step.file.parameters[0]"].content
  }
  assert {
    condition     = contains(plan.arguments["pac.mpi.step.package.openmpi"].names, "libopenmpi-dev")
    error_message = jsonencode(plan.arguments["pac.mpi.step.package.openmpi"].names)
  }
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.destroy])
  }
}

run "one_process_each_and_no_compiler" {
  command = plan
  variables {
    slots    = 1
    compiler = false
  }
  assert {
    condition     = alltrue([for n, pc in node.pc : strcontains(plan.arguments["pac.mpi.pac.hostfile.step.command.line[\"${n}/1\"]"].run, "echo '${pc.name} slots=1'")])
    error_message = plan.arguments["pac.mpi.pac.hostfile.step.command.line[\"0/1\"]"].run
  }
  assert {
    condition     = plan.arguments["pac.mpi.step.package.openmpi"].names == tolist(["openmpi-bin"])
    error_message = jsonencode(plan.arguments["pac.mpi.step.package.openmpi"].names)
  }
}

run "no_processes" {
  command = plan
  variables {
    slots = 0
  }
  expect_failures = [pac.mpi]
}
