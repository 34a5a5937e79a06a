# The first program of machines that boot over the network: iPXE, by TFTP.
viver {
  requires {
    packages = ["ipxe"]
  }
}

variable "server" {
  type        = server
  description = "The machine that serves."
}

variable "extra" {
  type        = string
  default     = null
  description = "A folder on the server whose files are served too."
}

step "unit" "tftp" {
  on   = var.server
  unit = "tftp"
  config = {
    listen = "${var.server.address}:69"
    extra  = var.extra
  }
}

output "address" {
  value       = var.server.address
  description = "Where the TFTP server is reached."
}
