# A server's homes on two nodes, and a node's folder on another: viver test -C pacs/nfs
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
  count = 2
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

variable "exports" {
  default = { "/srv/home" = "/home", "/srv/share" = "/mnt/share" }
}

variable "engine" {
  default = "auto"
}

mock "pac.home.step.fact.engine[0]" {
  values = { value = "kernel" }
}

pac "home" {
  source  = "./"
  server  = server.seed
  clients = node.pc
  network = network.lab
  exports = var.exports
  engine  = var.engine
}

pac "scratch" {
  source     = "./"
  server     = node.pc[0]
  clients    = [node.pc[1]]
  network    = network.lab
  image      = image.desk
  exports    = { "/srv/scratch" = "/scratch" }
  engine     = "kernel"
  readonly   = true
  trust_root = true
}

run "folders_are_mounted" {
  assert {
    condition     = plan.arguments["pac.home.step.mount.folder[\"srv-home/1\"]"].source == "10.20.0.1:/srv/home" && plan.arguments["pac.home.step.mount.folder[\"srv-home/1\"]"].path == "/home"
    error_message = jsonencode(plan.arguments["pac.home.step.mount.folder[\"srv-home/1\"]"])
  }
  assert {
    condition     = pac.home.folders == { "/srv/home" = "/home", "/srv/share" = "/mnt/share" } && pac.home.engine == "kernel"
    error_message = jsonencode(pac.home.folders)
  }
}

# By now is known what the machines have.
run "they_are_exported_to_the_network" {
  command = plan
  assert {
    condition     = startswith(plan.arguments["pac.home.step.file.exports"].content, "/srv/home 10.20.0.0/16(rw,sync,no_subtree_check,root_squash,fsid=")
    error_message = plan.arguments["pac.home.step.file.exports"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.home.step.file.exports"].content, " fd00:20::/64(rw,")
    error_message = plan.arguments["pac.home.step.file.exports"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.scratch.step.file.exports"].content, "(ro,sync,no_subtree_check,no_root_squash,fsid=")
    error_message = plan.arguments["pac.scratch.step.file.exports"].content
  }
  assert {
    condition     = plan.arguments["pac.scratch.step.mount.folder[\"srv-scratch/1\"]"].source == "${node.pc[0].address}:/srv/scratch"
    error_message = jsonencode(plan.arguments["pac.scratch.step.mount.folder[\"srv-scratch/1\"]"])
  }
}

run "what_is_no_longer_mounted_is_mounted_again" {
  command = plan
  world {
    drifted = ["pac.home.step.mount.folder[\"srv-home/1\"]"]
  }
  assert {
    condition     = join(", ", plan.update) == "pac.home.step.mount.folder[\"srv-home/1\"]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "a_program_serves_instead_of_the_kernel" {
  variables {
    engine = "ganesha"
  }
  assert {
    condition     = plan.arguments["pac.home.step.file.exports"].path == "/etc/ganesha/ganesha.conf" && strcontains(plan.arguments["pac.home.step.file.exports"].content, "Pseudo = /srv/share;")
    error_message = plan.arguments["pac.home.step.file.exports"].content
  }
  assert {
    condition     = plan.arguments["pac.home.step.service.server"].name == "nfs-ganesha"
    error_message = plan.arguments["pac.home.step.service.server"].name
  }
}

run "two_folders_on_one" {
  variables {
    exports = { "/srv/a" = "/home", "/srv/b" = "/home" }
  }
  expect_failures = [pac.home.var.exports]
}

run "no_folder" {
  variables {
    exports = { "srv" = "/home" }
  }
  expect_failures = [pac.home.var.exports]
}
