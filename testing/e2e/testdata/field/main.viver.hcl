# A room that is to live on without its seed: four nodes that hold the root for one another, two of which may admit a fifth.
variable "interface" {
  type = string
}

variable "data_dir" {
  type = string
}

variable "kernel" {
  type    = string
  default = "linux-image-cloud-amd64"
}

variable "compression" {
  type    = number
  default = 3
}

variable "bios_loader" {
  type    = string
  default = "ipxe.pxe"
}

variable "nodes" { # one of them is late
  type    = number
  default = 5
}

variable "kernel_arguments" {
  type    = string
  default = "quiet"
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
  packages    = ["openssh-server"]
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.room
  image   = image.desk
  bios    = var.bios_loader

  kernel_arguments = var.kernel_arguments
}

node "pc" {
  count = var.nodes - 1
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
  mac   = count.index < 2 ? "52:54:00:1a:7e:1${count.index}" : null
  field {
    memory = "30%"
    deputy = count.index < 2
  }
}

node "late" { # comes when the seed is dead
  boot    = pac.boot
  name    = "late"
  timeout = "5s"
  mac     = "52:54:00:1a:7e:01" # and it is no other's name meanwhile
  field {
    memory = "30%"
  }
}

pac "names" {
  source = "builtin/hostname"
  nodes  = node.pc
}

step "file" "motd" {
  on      = node.pc
  path    = "/etc/motd"
  content = "This is ${self.name}, and nobody's disk.\n"
}
