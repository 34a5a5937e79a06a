# A room of three machines, of which one keeps the logs of the others: viver test -C pacs/syslog
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
  count = 3
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

variable "folder" {
  default = "/var/log/hosts"
}

pac "logs" {
  source  = "./"
  server  = server.seed
  network = network.lab
  clients = node.pc
  image   = image.desk
  folder  = var.folder
}

run "a_file_for_each_machine" {
  assert {
    condition     = strcontains(plan.arguments["pac.logs.step.file.keep"].content, "$AllowedSender TCP, 10.20.0.0/16, [fd00:20::]/64\n")
    error_message = plan.arguments["pac.logs.step.file.keep"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logs.step.file.send[1]"].content, "localHostname=\"pc2\"") && strcontains(plan.arguments["pac.logs.step.file.send[1]"].content, "target=\"10.20.0.1\" port=\"514\"")
    error_message = plan.arguments["pac.logs.step.file.send[1]"].content
  }
  assert {
    condition     = pac.logs.folder == "/var/log/hosts"
    error_message = "The folder is ${pac.logs.folder}."
  }
}

run "another_folder_restarts_the_server_only" {
  command = plan
  variables {
    folder = "/srv/logs"
  }
  assert {
    condition     = join(" ", sort(plan.update)) == "pac.logs.step.command.keep pac.logs.step.file.keep pac.logs.step.file.rotate"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_folder" {
  variables {
    folder = "/var/log/\"hosts"
  }
  expect_failures = [pac.logs.var.folder]
}
