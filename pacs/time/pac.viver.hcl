# The same time on all machines: chrony, with one machine whose clock counts.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "server" {
  type        = machine
  description = "The machine whose clock counts: a server or a node."
}

variable "network" {
  type        = network
  description = "From where it may be asked."
}

variable "clients" {
  type        = list(node)
  description = "The nodes that follow it."
}

variable "image" {
  type        = image
  default     = null
  description = "To this image chrony is added, for nodes; without it, they install it at each boot. Servers install it themselves."
}

variable "sources" {
  type        = list(string)
  default     = []
  description = "NTP servers that the server follows, by name or address; none: its own clock counts."
  validation {
    condition     = alltrue([for s in var.sources : can(regex("^[A-Za-z0-9.:-]+$", s))])
    error_message = "A source is a host name or an address."
  }
}

locals {
  serve  = <<-EOT
    # Written by viver (builtin/time).
    ${join("\n", [for s in var.sources : "server ${s} iburst"])}
    local stratum 10
    ${join("\n", [for c in var.network.cidr : "allow ${c}"])}
    driftfile /var/lib/chrony/chrony.drift
    makestep 1 3
    rtcsync
  EOT
  follow = <<-EOT
    # Written by viver (builtin/time).
    server ${var.server.address} iburst minpoll 4 maxpoll 6
    driftfile /var/lib/chrony/chrony.drift
    makestep 1 3
    rtcsync
  EOT
}

step "package" "image" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = ["chrony"]
}

# In an image it does not start by itself: a machine's clock is left alone until the machine is told whom to ask.
step "service" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  name       = "chrony"
  enabled    = false
  depends_on = [step.package.image]
}

step "package" "server" {
  count = var.image == null || var.server.kind == "server" ? 1 : 0
  on    = var.server
  names = ["chrony"]
}

step "package" "clients" {
  on    = var.image == null ? var.clients : []
  names = ["chrony"]
}

# The last to be undone: then the service is again as it was found.
step "command" "found_server" {
  on         = var.server
  run        = ":"
  undo       = self.kind == "node" ? "service chrony stop" : "service chrony restart"
  depends_on = [step.package.server]
}

step "file" "serve" {
  on         = var.server
  path       = "/etc/chrony/chrony.conf"
  content    = local.serve
  depends_on = [step.command.found_server]
}

step "command" "serve" {
  on         = var.server
  run        = "service chrony restart"
  rerun_on   = local.serve
  undo       = ":"
  depends_on = [step.file.serve]
}

step "service" "serve" {
  on         = var.server
  name       = "chrony"
  running    = true
  depends_on = [step.command.serve]
}

step "command" "found" {
  on         = var.clients
  run        = ":"
  undo       = self.kind == "node" ? "service chrony stop" : "service chrony restart"
  depends_on = [step.package.clients]
}

step "file" "follow" {
  on         = var.clients
  path       = "/etc/chrony/chrony.conf"
  content    = local.follow
  depends_on = [step.command.found]
}

step "command" "follow" {
  on         = var.clients
  run        = "service chrony restart"
  rerun_on   = local.follow
  undo       = ":"
  depends_on = [step.file.follow]
}

step "service" "follow" {
  on         = var.clients
  name       = "chrony"
  running    = true
  depends_on = [step.command.follow]
}

output "server" {
  value       = var.server
  description = "The machine whose clock counts."
}
