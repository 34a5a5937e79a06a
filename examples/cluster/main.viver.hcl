# A cluster of PCs without disks: one user, who reaches all nodes by SSH, with Open MPI, PVM and distcc over all of them.
viver {
  required_version = "~> 0.1"
}

variable "nodes" {
  type        = number
  default     = 8
  description = "How many machines the cluster has."
}

variable "interface" {
  type        = string
  default     = "eth1"
  description = "The seed's network card on the cluster's side."
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/viver"
  description = "Where the seed keeps images, keys, leases and its identity."
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

network "cluster" {
  cidr      = ["10.20.0.0/16"]
  interface = var.interface
}

server "seed" { # no ssh block: this machine
  address  = "10.20.0.1"
  data_dir = var.data_dir
}

image "compute" {
  from        = "debian:bookworm"
  kernel      = var.kernel
  compression = var.compression
}

pac "boot" { # DHCP, TFTP, HTTP and NBD on the seed
  source           = "builtin/netboot"
  server           = server.seed
  network          = network.cluster
  image            = image.compute
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

pac "hosts" { # pc02 is pc02 on every node
  source = "builtin/hosts"
  nodes  = node.pc
  others = { (server.seed.name) = server.seed.address }
  image  = image.compute # pc02.local too, for machines that are not in the list
}

pac "ssh" { # the user "cluster" goes from node to node
  source = "builtin/ssh-keys"
  server = server.seed
  nodes  = node.pc
  image  = image.compute
}

pac "mpi" { # mpirun heat
  source  = "builtin/mpi"
  nodes   = node.pc
  image   = image.compute
  network = network.cluster
}

pac "pvm" { # pvm /etc/pvm.hosts, then pi
  source = "builtin/pvm"
  nodes  = node.pc
  image  = image.compute
}

pac "distcc" { # make -j8 CC="distcc gcc"
  source    = "builtin/distcc"
  nodes     = node.pc
  image     = image.compute
  compilers = ["gcc", "libc6-dev", "make"]
}

output "slots" {
  value       = pac.mpi.slots
  description = "How many processes run at once."
}
