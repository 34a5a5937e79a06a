# A room of four machines. The first one serves the others: viver test -C pacs/time
network "lab" {
  cidr = ["10.20.0.0/16", "fd00:20::/64"]
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
  count = 4
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

variable "sources" {
  default = ["ntp.example.org", "192.0.2.1"]
}

pac "time" {
  source  = "./"
  server  = node.pc[0]
  clients = slice(node.pc, 1, 4)
  network = network.lab
  image   = image.desk
  sources = var.sources
}

pac "alone" {
  source  = "./"
  server  = server.seed
  clients = []
  network = network.lab
}

run "one_serves_and_three_follow" {
  assert {
    condition     = strcontains(plan.arguments["pac.time.step.file.serve"].content, "server ntp.example.org iburst\nserver 192.0.2.1 iburst\n")
    error_message = plan.arguments["pac.time.step.file.serve"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.time.step.file.serve"].content, "allow 10.20.0.0/16\nallow fd00:20::/64\n")
    error_message = plan.arguments["pac.time.step.file.serve"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.alone.step.file.serve"].content, "\nlocal stratum 10\n") && !strcontains(plan.arguments["pac.alone.step.file.serve"].content, "iburst")
    error_message = plan.arguments["pac.alone.step.file.serve"].content
  }
}

run "a_stopped_service_is_started" {
  command = plan
  world {
    drifted = ["pac.time.step.service.follow[2]"]
  }
  assert {
    condition     = join(", ", plan.update) == "pac.time.step.service.follow[2]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
  assert {
    condition     = strcontains(plan.arguments["pac.time.step.file.follow[3]"].content, "server ${node.pc[0].address} iburst")
    error_message = plan.arguments["pac.time.step.file.follow[3]"].content
  }
}

run "no_name_of_a_server" {
  variables {
    sources = ["one two"]
  }
  expect_failures = [pac.time.var.sources]
}
