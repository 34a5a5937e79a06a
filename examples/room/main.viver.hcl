# A room of PCs without disks: one seed, one image, as many nodes as are switched on.
viver {
  required_version = "~> 0.1"
}

variable "nodes" {
  type        = number
  default     = 3
  description = "How many machines the room has."
}

variable "interface" {
  type        = string
  default     = "eth1"
  description = "The seed's network card on the room's side."
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/viver"
  description = "Where the seed keeps images, leases and its identity."
}

variable "kernel" {
  type        = string
  default     = "linux-image-amd64"
  description = "Debian's kernel package; linux-image-cloud-amd64 is enough for virtual machines."
}

variable "compression" {
  type        = number
  default     = 15
  description = "zstd level of the image: 3 builds fast, 15 is small."
}

variable "bios_loader" {
  type        = string
  default     = "undionly.kpxe"
  description = "iPXE for BIOS machines: undionly.kpxe works with any card, ipxe.pxe brings drivers of its own."
}

variable "kernel_arguments" {
  type        = string
  default     = "quiet"
  description = "Added to the kernel's command line on every node."
}

network "room" {
  cidr      = ["10.20.0.0/16"]
  interface = var.interface
}

server "seed" { # no ssh block: this machine
  address  = "10.20.0.1"
  data_dir = var.data_dir
}

image "desk" {
  from        = "debian:bookworm"
  packages    = ["openssh-server"]
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" { # DHCP, TFTP, HTTP and NBD on the seed
  source           = "builtin/netboot"
  server           = server.seed
  network          = network.room
  image            = image.desk
  bios             = var.bios_loader
  kernel_arguments = var.kernel_arguments
}

node "pc" { # no mac: each name goes to whichever machine comes first, and stays with it
  count = var.nodes
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
  health {
    units = ["multi-user.target"]
  }
}

pac "names" {
  source = "builtin/hostname"
  nodes  = node.pc
}

step "file" "motd" {
  on      = node.pc
  path    = "/etc/motd"
  content = "This is ${self.name}. Its root is shared, its changes are in RAM.\n"
}

step "fact" "greeting" {
  on         = node.pc
  run        = "printf '%s runs Linux %s from %s' \"$(hostname)\" \"$(uname -r)\" \"$(findmnt -no FSTYPE /)\""
  depends_on = [pac.names]
}

output "greetings" {
  value = [for g in step.fact.greeting : g.value]
}
