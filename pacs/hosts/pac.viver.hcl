# Every node knows the names of all: /etc/hosts holds them, with the addresses that the machines have.
variable "nodes" {
  type        = list(node)
  description = "The machines, which also get their own names."
}

variable "others" {
  type        = map(string)
  default     = {}
  description = "Names of further machines and their addresses: { (server.seed.name) = server.seed.address }."
  validation {
    condition     = alltrue([for name, address in var.others : can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", name)) && can(regex("^[0-9a-fA-F.:]+$", address))])
    error_message = "A name has lower-case letters, digits, hyphens and dots, and stands for one address."
  }
}

variable "domain" {
  type        = string
  default     = ""
  description = "DNS domain of the nodes' names: \"room.example.org\"; empty: none."
}

variable "image" {
  type        = image
  default     = null
  description = "What the nodes boot: with it they answer for their names by mDNS too (NAME.local), for machines that are not in the list."
}

locals {
  suffix = var.domain == "" ? "" : ".${var.domain}"
  lines = concat(
    [for n in var.nodes : "${n.address} ${local.suffix == "" ? "" : "${n.name}${local.suffix} "}${n.name}"],
    [for name, address in var.others : "${address} ${name}"],
  )
}

pac "names" {
  source = "builtin/hostname"
  nodes  = var.nodes
  domain = var.domain
  hosts  = false
}

# A node's own name stands for its real address, not for 127.0.1.1: it tells that to others, as MPI and PVM do.
step "file" "hosts" {
  on      = var.nodes
  path    = "/etc/hosts"
  content = <<-EOT
    127.0.0.1 localhost
    ::1 localhost ip6-localhost ip6-loopback
    ff02::1 ip6-allnodes
    ff02::2 ip6-allrouters
    ${join("\n", local.lines)}
  EOT
}

step "package" "mdns" {
  for_each = var.image == null ? {} : { image = var.image }
  on       = each.value
  names    = ["avahi-daemon", "libnss-mdns"]
}

# It has asked for its name when it started, if that was before the steps.
step "command" "mdns" {
  on         = var.image == null ? [] : var.nodes
  run        = "if [ -d /run/systemd/system ]; then systemctl try-restart avahi-daemon; else service avahi-daemon restart; fi"
  rerun_on   = self.name
  undo       = ":"
  depends_on = [pac.names]
}

output "addresses" {
  value       = merge({ for n in var.nodes : n.name => n.address }, var.others)
  description = "The address for each name."
}
