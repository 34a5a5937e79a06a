# Each node knows itself by the name that it has in the configuration.
variable "nodes" {
  type        = list(node)
  description = "The machines."
}

variable "domain" {
  type        = string
  default     = ""
  description = "DNS domain of the names: \"room.example.org\"; empty: none."
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*)?$", var.domain))
    error_message = "A domain has lower-case letters, digits and hyphens, in parts with dots between them."
  }
}

variable "hosts" {
  type        = bool
  default     = true
  description = "Whether to write /etc/hosts; false: another Pac does, as builtin/hosts."
}

step "file" "hostname" {
  on      = var.nodes
  path    = "/etc/hostname"
  content = "${self.name}\n"
}

step "file" "hosts" {
  on      = [for n in var.nodes : n if var.hosts]
  path    = "/etc/hosts"
  content = <<-EOT
    127.0.0.1 localhost
    127.0.1.1 ${var.domain == "" ? "" : "${self.name}.${var.domain} "}${self.name}
    ::1 localhost ip6-localhost ip6-loopback
    ff02::1 ip6-allnodes
    ff02::2 ip6-allrouters
  EOT
}

# The kernel's own name, which a service that is running already has asked for.
step "command" "kernel" {
  on     = var.nodes
  run    = "echo '${self.name}' > /proc/sys/kernel/hostname"
  unless = "[ \"$(cat /proc/sys/kernel/hostname)\" = '${self.name}' ]"
}
