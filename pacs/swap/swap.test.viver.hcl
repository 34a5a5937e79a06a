# A room of two machines, of which nobody knows what their disks hold: viver test -C pacs/swap
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

variable "zram" {
  default = 100
}

pac "swap" {
  source = "./"
  nodes  = node.pc
  zram   = var.zram
}

pac "ram_only" {
  source    = "./"
  nodes     = [node.pc[1]]
  algorithm = "lz4"
  disks     = false
}

run "each_machine_swaps" {
  assert {
    condition     = strcontains(plan.arguments["pac.swap.step.command.swap[0]"].run, "zram=100 algorithm=zstd disks=true\n")
    error_message = plan.arguments["pac.swap.step.command.swap[0]"].run
  }
  assert {
    condition     = strcontains(plan.arguments["pac.ram_only.step.command.swap[1]"].run, "zram=50 algorithm=lz4 disks=false\n")
    error_message = plan.arguments["pac.ram_only.step.command.swap[1]"].run
  }
}

run "another_share_changes_it" {
  command = plan
  variables {
    zram = 25
  }
  assert {
    condition     = join(", ", plan.update) == "pac.swap.step.command.swap[0], pac.swap.step.command.swap[1]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_share" {
  variables {
    zram = -1
  }
  expect_failures = [pac.swap.var.zram]
}
