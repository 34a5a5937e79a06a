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

run "all_nodes_are_one_machine" {
  assert {
    condition     = plan.arguments["pac.pvm.step.file.hostfile[1]"].content == "* ep=/usr/local/bin:$HOME/pvm3/bin/$PVM_ARCH\npc01\npc02\n"
    error_message = plan.arguments["pac.pvm.step.file.hostfile[1]"].content
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
    condition     = startswith(plan.arguments["pac.pvm.step.file.hostfile[0]"].content, "* ep=/srv/bin:/opt/bin:$HOME")
    error_message = plan.arguments["pac.pvm.step.file.hostfile[0]"].content
  }
  assert {
    condition     = plan.arguments["pac.pvm.step.package.pvm"].names == tolist(["pvm", "openssh-client"])
    error_message = jsonencode(plan.arguments["pac.pvm.step.package.pvm"].names)
  }
}
