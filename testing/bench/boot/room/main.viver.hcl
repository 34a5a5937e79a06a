# The room of the boot benchmark: nothing but the boot, since the peers take no steps either.
variable "nodes" { type = number }
variable "interface" { type = string }
variable "data_dir" { type = string }
variable "kernel" { type = string }
variable "compression" { type = number }
variable "bios_loader" { type = string }
variable "kernel_arguments" { type = string }

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
  packages    = ["openssh-server"]
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" {
  source           = "builtin/netboot"
  server           = server.seed
  network          = network.room
  image            = image.desk
  bios             = var.bios_loader
  kernel_arguments = var.kernel_arguments
}

node "pc" {
  count = var.nodes
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}
