# A classroom: 40 PCs without disks, whose homes and logins are on one server. Whoever logs in finds his files at every place.
viver {
  required_version = "~> 0.1"
}

variable "nodes" {
  type        = number
  default     = null
  description = "How many PCs of pcs.csv there are, from its beginning; unset: all of them."
  validation {
    condition     = coalesce(var.nodes, 1) >= 1 && coalesce(var.nodes, 1) <= length(local.all)
    error_message = "pcs.csv has ${length(local.all)} PCs."
  }
}

variable "passwords" {
  type        = map(string)
  default     = {}
  sensitive   = true
  description = "First passwords of users, as hashes (openssl passwd -6). Write them into secrets.auto.viver.vars."
}

variable "address" {
  type        = string
  default     = "10.20.0.1"
  description = "The server's address on the classroom's network."
}

variable "login" {
  type = object({
    identity_file = string
    host_key      = optional(string)
  })
  default     = null
  description = "How to get onto the server as root by SSH; unset: it is this machine."
}

variable "interface" {
  type        = string
  default     = "eth1"
  description = "The server's network card on the classroom's side."
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/viver"
  description = "Where the server keeps images, leases and its identity."
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
  description = "Added to the kernel's command line on every PC."
}

locals {
  all   = csvdecode(file("pcs.csv"))
  pcs   = slice(local.all, 0, coalesce(var.nodes, length(local.all)))
  users = csvdecode(file("users.csv"))
}

network "room" {
  cidr      = ["10.20.0.0/16"]
  interface = var.interface
}

server "seed" {
  address  = var.address
  data_dir = var.data_dir
  dynamic "ssh" {
    for_each = var.login == null ? [] : [var.login]
    content {
      identity_file = ssh.value.identity_file
      host_key      = ssh.value.host_key
    }
  }
}

image "desk" {
  from        = "debian:bookworm"
  packages    = ["bash-completion", "openssh-server"]
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
  for_each = { for pc in local.pcs : pc.name => pc }
  boot     = pac.boot
  name     = each.key
  mac      = each.value.mac
  health {
    units = ["multi-user.target"]
  }
}

pac "names" {
  source = "builtin/hostname"
  nodes  = values(node.pc)
}

pac "home" {
  source  = "builtin/nfs"
  server  = server.seed
  clients = values(node.pc)
  network = network.room
  exports = { "/srv/home" = "/home" }
}

pac "logins" {
  source    = "builtin/ldap"
  server    = server.seed
  nodes     = values(node.pc)
  image     = image.desk
  domain    = "classroom.internal"
  groups    = { for n, name in sort(distinct(local.users[*].group)) : name => { gid = 2000 + n } }
  users     = { for u in local.users : u.name => { uid = tonumber(u.uid), group = u.group, name = u.full_name } }
  passwords = var.passwords
  homes     = one(keys(pac.home.folders)) # once it is there
}

step "file" "motd" {
  on      = values(node.pc)
  path    = "/etc/motd"
  content = "This is ${self.name}, in row ${ { for pc in local.all : pc.name => pc.row }[self.name]}. Your files are in /home, on the server.\n"
}

output "places" {
  value       = { for name, pc in node.pc : name => pc.address }
  description = "Where the PCs are found."
}
