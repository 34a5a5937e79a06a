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
  own = join("\n", concat(
    ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", "ff02::1 ip6-allnodes", "ff02::2 ip6-allrouters"],
    [for name, address in var.others : "${address} ${name}"],
  ))
  lines = [for n in var.nodes : "${n.address} ${local.suffix == "" ? "" : "${n.name}${local.suffix} "}${n.name} # node ${n.name}"]
  # Puts what comes in the place of the file, which others may be reading.
  replace = "{ cat >/etc/hosts.new; chmod 644 /etc/hosts.new; mv /etc/hosts.new /etc/hosts; }"
}

pac "names" {
  source = "builtin/hostname"
  nodes  = var.nodes
  domain = var.domain
  hosts  = false
}

# What the file holds beside the nodes. A node's own name stands for its real address, not for 127.0.1.1: it tells that to others, as MPI and PVM do.
step "command" "own" {
  on    = var.nodes
  check = "[ \"$(sed '/ # node [^ ]*$/d' /etc/hosts)\" = '${local.own}' ]"
  run   = <<-EOT
    mkdir -p /run/viver
    if [ -e /etc/hosts ] && [ ! -e /run/viver/hosts ]; then cp -p /etc/hosts /run/viver/hosts; fi
    { echo '${local.own}'; grep -s ' # node [^ ]*$' /etc/hosts || :; } | ${local.replace}
  EOT
  undo  = "rm /etc/hosts; if [ -e /run/viver/hosts ]; then mv /run/viver/hosts /etc/hosts; fi"
}

# A step for each name on each node, not one for the whole file: a node that does not come holds up its own line and no other.
step "command" "name" {
  count      = length(var.nodes)
  on         = var.nodes
  check      = "grep -qxF '${local.lines[count.index]}' /etc/hosts"
  run        = "{ grep -v ' # node ${var.nodes[count.index].name}$' /etc/hosts; echo '${local.lines[count.index]}'; } | ${local.replace}"
  undo       = "grep -v ' # node ${var.nodes[count.index].name}$' /etc/hosts | ${local.replace}"
  depends_on = [step.command.own]
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
