# A room of two machines: viver test -C pacs/slurm
network "lab" {
  cidr = ["10.20.0.0/16"]
}

server "seed" {
  address = "10.20.0.1"
}

image "desk" {
  from = "debian:bookworm"
}

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

node "pc" {
  count = 2
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

mock "pac.jobs.step.fact.name" {
  values = { value = "hall" }
}

variable "patience" {
  default = 30
}

pac "jobs" {
  source   = "./"
  server   = server.seed
  nodes    = node.pc
  image    = image.desk
  patience = var.patience
  settings = { SelectTypeParameters = "CR_Core_Memory", DefMemPerCPU = "256" }
}

pac "from_node" {
  source       = "./"
  server       = node.pc[0]
  nodes        = node.pc
  image        = image.desk
  server_image = image.desk
  cluster      = "other"
}

run "a_queue_and_two_nodes" {
  assert {
    condition     = issensitive(plan.arguments["pac.jobs.step.file.key[1]"].content)
    error_message = "The key is not kept secret."
  }
}

run "another_patience_restarts_the_queue_only" {
  command = plan
  variables {
    patience = 10
  }
  assert {
    condition     = join(" ", sort(plan.update)) == "pac.jobs.step.command.queue pac.jobs.step.file.conf"
    error_message = "It updates ${join(", ", plan.update)}."
  }
  assert {
    condition     = strcontains(plan.arguments["pac.jobs.step.file.conf"].content, "SlurmctldHost=hall(10.20.0.1)\n")
    error_message = plan.arguments["pac.jobs.step.file.conf"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.jobs.step.file.conf"].content, "SelectTypeParameters=CR_Core_Memory\n") && strcontains(plan.arguments["pac.jobs.step.file.conf"].content, "DefMemPerCPU=256\n")
    error_message = plan.arguments["pac.jobs.step.file.conf"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.from_node.step.file.options[1]"].content, "-Z --conf-server ${node.pc[0].address}:6817")
    error_message = plan.arguments["pac.from_node.step.file.options[1]"].content
  }
}

run "a_node_that_lost_its_queue_joins_again" {
  command = plan
  world {
    drifted = ["pac.jobs.step.command.joined[0]"]
  }
  assert {
    condition     = join(" ", plan.update) == "pac.jobs.step.command.joined[0]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_patience" {
  variables {
    patience = 1
  }
  expect_failures = [pac.jobs.var.patience]
}
