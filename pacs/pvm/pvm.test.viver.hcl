# PVM on simulated machines.
network "lab" { cidr = ["10.20.0.0/16"] }
server "seed" { address = "10.20.0.1" }
image "desk" { from = "debian:bookworm" }

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

variable "programs" {
  default = ["/usr/local/bin"]
}

variable "compiler" {
  default = true
}

node "pc" {
  count = 2
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}

pac "pvm" {
  source   = "./"
  nodes    = node.pc
  image    = image.desk
  programs = var.programs
  compiler = var.compiler
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
    condition     = contains(plan.create, "pac.pvm.pac.hostfile.step.command.line[\"1/0\"]") && alltrue([for a in plan.create : strcontains(a, "1")]) && length(plan.update) == 0
    error_message = jsonencode([plan.create, plan.update])
  }
}

run "all_nodes_are_one_machine" {
  assert {
    condition     = strcontains(plan.arguments["pac.pvm.pac.hostfile.step.command.head[1]"].run, "'* ep=/usr/local/bin:$HOME/pvm3/bin/$PVM_ARCH'")
    error_message = plan.arguments["pac.pvm.pac.hostfile.step.command.head[1]"].run
  }
  assert {
    condition     = alltrue([for n, pc in node.pc : plan.arguments["pac.pvm.pac.hostfile.step.command.line[\"${n}/1\"]"].check == "grep -qxF '${pc.name}' ${pac.pvm.hostfile}"])
    error_message = plan.arguments["pac.pvm.pac.hostfile.step.command.line[\"0/1\"]"].check
  }
  assert {
    condition     = contains(pac.pvm.packages, "pvm-dev")
    error_message = jsonencode(pac.pvm.packages)
  }
}

run "nothing_to_do" {
  command = plan
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.destroy])
  }
}

run "programs_elsewhere_and_no_compiler" {
  command = plan
  variables {
    programs = ["/srv/bin", "/opt/bin"]
    compiler = false
  }
  assert {
    condition     = strcontains(plan.arguments["pac.pvm.pac.hostfile.step.command.head[0]"].run, "'* ep=/srv/bin:/opt/bin:$HOME")
    error_message = plan.arguments["pac.pvm.pac.hostfile.step.command.head[0]"].run
  }
  assert {
    condition     = plan.arguments["pac.pvm.step.package.pvm"].names == tolist(["pvm", "openssh-client"])
    error_message = jsonencode(plan.arguments["pac.pvm.step.package.pvm"].names)
  }
}
