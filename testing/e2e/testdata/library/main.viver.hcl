# A room that uses the Pacs of the library. The first machine serves the others; the last one has a disk.
variable "nodes" { type = number }
variable "interface" { type = string }
variable "data_dir" { type = string }
variable "kernel" { type = string }
variable "compression" { type = number }
variable "bios_loader" { type = string }
variable "kernel_arguments" { type = string }
variable "macs" { type = list(string) }

locals {
  hub    = node.pc[0]
  others = slice(node.pc, 1, var.nodes)
}

network "room" {
  cidr      = ["10.20.0.0/16"]
  interface = var.interface
}

server "seed" {
  address  = "10.20.0.1"
  data_dir = var.data_dir
}

image "desk" {
  from        = "debian:bookworm"
  packages    = ["openssh-server", "lame"]
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" {
  source           = "builtin/netboot"
  server           = server.seed
  network          = network.room
  image            = image.desk
  dhcp             = "authoritative"
  bios             = var.bios_loader
  kernel_arguments = var.kernel_arguments
}

node "pc" {
  count = var.nodes
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
  mac   = var.macs[count.index]
  field {
    memory = "0" # their RAM is for what runs on them
  }
  health {
    units = ["multi-user.target"]
  }
}

pac "hosts" {
  source = "builtin/hosts"
  nodes  = node.pc
}

pac "time" {
  source  = "builtin/time"
  server  = local.hub
  network = network.room
  clients = local.others
  image   = image.desk
}

pac "locale" {
  source   = "builtin/locale"
  nodes    = node.pc
  image    = image.desk
  locale   = "de_DE.UTF-8"
  keyboard = "de"
  zone     = "Europe/Berlin"
}

pac "logs" {
  source  = "builtin/syslog"
  server  = local.hub
  network = network.room
  clients = local.others
  image   = image.desk
}

pac "swap" {
  source = "builtin/swap"
  nodes  = node.pc
  zram   = 100
}

pac "scratch" {
  source = "builtin/scratch"
  nodes  = node.pc
}

pac "watch" {
  source         = "builtin/monitoring"
  server         = local.hub
  nodes          = node.pc
  image          = image.desk
  server_image   = image.desk
  keep_megabytes = 64
  interval       = 5 # virtual machines are slow
}

output "page" {
  value = pac.watch.page
}
