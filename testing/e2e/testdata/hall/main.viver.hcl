# A room whose server is another machine than the operator's, with an ordinary sshd.
variable "nodes" { type = number }
variable "interface" { type = string }
variable "data_dir" { type = string }
variable "kernel" { type = string }
variable "compression" { type = number }
variable "bios_loader" { type = string }
variable "kernel_arguments" { type = string }

variable "login" {
  type = object({
    user          = string
    identity_file = string
    host_key      = optional(string)
  })
}

network "room" {
  cidr      = ["10.20.0.0/16"]
  interface = var.interface
}

server "hall" {
  address  = "10.20.0.2"
  data_dir = var.data_dir
  ssh {
    user          = var.login.user
    identity_file = var.login.identity_file
    host_key      = var.login.host_key
  }
}

image "desk" {
  from        = "debian:bookworm"
  packages    = ["openssh-server"]
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" {
  source           = "builtin/netboot"
  server           = server.hall
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
}

step "file" "motd" {
  on      = node.pc
  path    = "/etc/motd"
  content = "This is ${self.name}.\n"
}
