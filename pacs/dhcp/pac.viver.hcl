# Addresses for a network's machines, and what their firmware boots from.
variable "server" {
  type        = server
  description = "The machine that answers."
}

variable "network" {
  type        = network
  description = "Where it answers."
}

variable "mode" {
  type        = string
  default     = "auto"
  description = "authoritative: the only DHCP server; proxy: boot files only, beside another DHCP server; off; auto: look for another one first, which takes 5 s."
  validation {
    condition     = contains(["auto", "authoritative", "proxy", "off"], var.mode)
    error_message = "The mode is auto, authoritative, proxy or off."
  }
}

variable "range" {
  type        = string
  default     = null
  description = "What is given out: \"10.20.0.100-10.20.0.250\". Default: .100 to .250 of a /24, up to 4,000 addresses of a larger network."
}

variable "lease_seconds" {
  type        = number
  default     = 43200
  description = "How long a machine may keep its address without asking again."
  validation {
    condition     = var.lease_seconds >= 60
    error_message = "A lease lasts 60 seconds at least."
  }
}

variable "router" {
  type        = string
  default     = null
  description = "Default router that machines are told; none by default."
}

variable "dns" {
  type        = list(string)
  default     = []
  description = "Name servers that machines are told, at most 8."
  validation {
    condition     = length(var.dns) <= 8
    error_message = "Machines are told 8 name servers at most."
  }
}

variable "fixed" {
  type        = map(string)
  default     = {}
  description = "Addresses that always go to the same machine: { \"52:54:00:12:34:56\" = \"10.20.0.9\" }."
}

variable "boot" {
  type = object({
    url   = string
    tftp  = optional(string)
    bios  = optional(string)
    uefi  = optional(string)
    arm64 = optional(string)
  })
  default     = null
  description = "What machines boot from: the HTTP server's URL, the TFTP server's address, and the first program for each kind of firmware. Default: nothing."
}

step "unit" "dhcp" {
  on   = var.server
  unit = "dhcp"
  config = {
    interface     = var.network.interface
    address       = var.server.address
    cidr          = var.network.cidr
    mode          = var.mode
    range         = var.range
    lease_seconds = var.lease_seconds
    router        = var.router
    dns           = var.dns
    fixed         = var.fixed
    boot          = var.boot
  }
}

output "server" {
  value       = var.server
  description = "The machine that answers."
}
