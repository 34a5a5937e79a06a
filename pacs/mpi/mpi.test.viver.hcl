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

run "up" {
  assert {
    condition     = pac.mpi.slots == 12
    error_message = "There are ${pac.mpi.slots} slots."
  }
}

run "all_cores_of_all_nodes" {
  command = plan
  assert {
    condition     = plan.arguments["pac.mpi.step.file.hostfile[1]"].content == "pc01 slots=4\npc02 slots=8\n"
    error_message = plan.arguments["pac.mpi.step.file.hostfile[1]"].content
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
    condition     = plan.arguments["pac.mpi.step.file.hostfile[1]"].content == "pc01 slots=1\npc02 slots=1\n"
    error_message = plan.arguments["pac.mpi.step.file.hostfile[1]"].content
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
