# A room of two machines and a server: viver test -C pacs/monitoring
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

variable "interval" {
  default = 2
}

pac "from_server" {
  source   = "./"
  server   = server.seed
  nodes    = node.pc
  image    = image.desk
  interval = var.interval
}

pac "from_node" {
  source       = "./"
  server       = node.pc[0]
  nodes        = node.pc
  image        = image.desk
  server_image = image.desk
  port         = 9091
}

run "a_node_that_does_not_come_holds_up_no_other" {
  world {
    failing = ["node.pc[1]"]
  }
  expect_failures = [node.pc[1]]
}

run "each_node_is_a_target" {
  assert {
    condition     = !contains(plan.create, "pac.from_server.step.file.target[0]") && contains(plan.create, "pac.from_server.step.file.target[1]")
    error_message = "It makes ${join(", ", plan.create)}."
  }
  assert {
    condition     = pac.from_server.page == "http://10.20.0.1:9090/consoles/nodes.html" && pac.from_node.page == "http://${node.pc[0].address}:9091/consoles/nodes.html"
    error_message = "The pages are ${pac.from_server.page} and ${pac.from_node.page}."
  }
  assert {
    condition     = strcontains(plan.arguments["pac.from_server.step.file.page"].content, "[10s]")
    error_message = plan.arguments["pac.from_server.step.file.page"].content
  }
  assert {
    condition     = yamldecode(plan.arguments["pac.from_server.step.file.config"].content).global.scrape_timeout == "2s"
    error_message = plan.arguments["pac.from_server.step.file.config"].content
  }
}

run "the_targets_are_the_live_addresses" {
  command = plan
  variables {
    interval = 5
  }
  assert {
    condition     = jsondecode(plan.arguments["pac.from_server.step.file.target[1]"].content)[0].targets[0] == "${node.pc[1].address}:9100"
    error_message = plan.arguments["pac.from_server.step.file.target[1]"].content
  }
  assert {
    condition     = join(" ", sort(plan.update)) == "pac.from_server.step.command.restart pac.from_server.step.file.config pac.from_server.step.file.page"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_interval" {
  variables {
    interval = 0.5
  }
  expect_failures = [pac.from_server.var.interval]
}
