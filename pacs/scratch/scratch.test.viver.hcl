# A room of two machines, of which nobody knows what their disks hold: viver test -C pacs/scratch
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

variable "path" {
  default = "/scratch"
}

pac "scratch" {
  source = "./"
  nodes  = node.pc
  path   = var.path
  marker = "use-me.txt"
}

run "each_machine_looks_for_the_marker" {
  assert {
    condition     = alltrue([for n in range(2) : strcontains(plan.arguments["pac.scratch.step.command.mount[${n}]"].run, "marker=use-me.txt\n")])
    error_message = plan.arguments["pac.scratch.step.command.mount[0]"].run
  }
  assert {
    condition     = pac.scratch.path == "/scratch"
    error_message = "The disks are in ${pac.scratch.path}."
  }
}

run "a_disk_that_is_gone_is_seen" {
  command = plan
  world {
    drifted = ["pac.scratch.step.command.mount[1]"]
  }
  assert {
    condition     = join(", ", plan.update) == "pac.scratch.step.command.mount[1]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_path" {
  variables {
    path = "/scratch; rm"
  }
  expect_failures = [pac.scratch.var.path]
}
