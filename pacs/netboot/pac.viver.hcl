# All that a network's machines need to boot from one image: DHCP, TFTP, HTTP and NBD on one server.
variable "server" {
  type        = server
  description = "The machine that serves."
}

variable "network" {
  type        = network
  description = "Where the machines are."
}

variable "image" {
  type        = image
  description = "What they boot."
}

variable "dhcp" {
  type        = string
  default     = "auto"
  description = "Who gives addresses: authoritative (this server), proxy (another one does), off (nobody here answers DHCP), auto (look for another one first, which takes 5 s)."
}

variable "range" {
  type        = string
  default     = null
  description = "Addresses to give out: \"10.20.0.100-10.20.0.250\"."
}

variable "router" {
  type        = string
  default     = null
  description = "Default router that machines are told; none by default."
}

variable "dns" {
  type        = list(string)
  default     = []
  description = "Name servers that machines are told."
}

variable "fixed" {
  type        = map(string)
  default     = {}
  description = "Addresses that always go to the same machine: { \"52:54:00:12:34:56\" = \"10.20.0.9\" }."
}

variable "bios" {
  type        = string
  default     = "undionly.kpxe"
  description = "iPXE for BIOS machines: undionly.kpxe runs on any network card, ipxe.pxe has drivers of its own and is faster in virtual machines."
  validation {
    condition     = contains(["undionly.kpxe", "ipxe.pxe"], var.bios)
    error_message = "The program is undionly.kpxe or ipxe.pxe."
  }
}

variable "uefi" {
  type        = string
  default     = "snponly.efi"
  description = "iPXE for UEFI machines (x64): snponly.efi runs on any network card, ipxe.efi has drivers of its own."
  validation {
    condition     = contains(["snponly.efi", "ipxe.efi"], var.uefi)
    error_message = "The program is snponly.efi or ipxe.efi."
  }
}

variable "kernel_arguments" {
  type        = string
  default     = "quiet"
  description = "Added to the kernel's command line of every machine, for everybody to read: \"console=ttyS0 quiet\"."
  validation {
    condition     = !issensitive(var.kernel_arguments)
    error_message = "Whoever is on the network can read the kernel's command line, and it holds a sensitive value. Give secrets to machines by steps."
  }
}

variable "http_port" {
  type        = number
  default     = 80
  description = "TCP port for script, kernel and initramfs."
  validation {
    condition     = var.http_port >= 1 && var.http_port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

locals {
  url = var.http_port == 80 ? "http://${var.server.address}" : "http://${var.server.address}:${var.http_port}"
}

step "image" "copy" {
  on    = var.server
  image = var.image
}

pac "nbd" {
  source     = "builtin/nbd"
  server     = var.server
  image      = var.image
  depends_on = [step.image.copy]
}

step "unit" "http" {
  on   = var.server
  unit = "netboot"
  config = {
    listen           = "${var.server.address}:${var.http_port}"
    url              = local.url
    image            = step.image.copy.id
    kernel_arguments = var.kernel_arguments
    servers          = [{ name = var.server.name, join = "${var.server.address}:10843", nbd = pac.nbd.address }]
  }
}

pac "tftp" {
  source = "builtin/tftp"
  server = var.server
}

# Last: from here on machines boot, and must find the rest.
pac "dhcp" {
  source  = "builtin/dhcp"
  server  = var.server
  network = var.network
  mode    = var.dhcp
  range   = var.range
  router  = var.router
  dns     = var.dns
  fixed   = var.fixed
  boot = {
    url  = local.url
    tftp = pac.tftp.address
    bios = var.bios
    uefi = var.uefi
  }
  depends_on = [step.unit.http, pac.tftp, pac.nbd]
}

output "server" {
  value       = var.server
  description = "Where machines join."
}

output "network" {
  value       = var.network
  description = "Where machines boot."
}

output "image" {
  value       = var.image
  description = "What machines boot."
}
