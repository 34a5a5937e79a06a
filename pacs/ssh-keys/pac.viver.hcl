# Nodes reach one another by SSH as one user, without a password and without a question. A server makes the keys and keeps them: one for the
# user, and one for each node, so that a node is known by the same key after each boot.
viver {
  requires {
    distribution = ["debian", "ubuntu"]
  }
}

variable "server" {
  type        = server
  description = "Where the keys are made and kept; it needs ssh-keygen."
}

variable "nodes" {
  type        = list(node)
  description = "The machines that reach one another."
}

variable "image" {
  type        = image
  description = "What they boot: it gets OpenSSH, and the user."
}

variable "user" {
  type        = string
  default     = "cluster"
  description = "Who reaches the other nodes."
  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,31}$", var.user))
    error_message = "A user's name has lower-case letters, digits, hyphens and underscores."
  }
}

variable "uid" {
  type        = number
  default     = 2000
  description = "The user's number, the same on all nodes."
}

variable "create_user" {
  type        = bool
  default     = true
  description = "Whether the user is made, in the image; false: another Pac does, or it is root."
}

locals {
  dir = "${var.server.data_dir}/ssh-keys/${var.user}"
  # Nodes are known by their names, which the configuration says, and not by their addresses: so nobody waits for a node that does not come.
  hosts = join(",", keys(step.fact.host))
  known = join("", [for name, key in step.fact.host : "${name} ${key.value}\n"])
  # While a machine boots sshd may not have been started yet: then it will find all this by itself.
  reload = "if [ -d /run/systemd/system ]; then systemctl try-reload-or-restart ssh; else service ssh reload; fi"
  sshd   = <<-EOT
    HostKey /etc/ssh/viver/host_key
    AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/viver/%u.pub
  EOT
}

step "package" "openssh" {
  on    = var.image
  names = ["openssh-server", "openssh-client"]
}

step "user" "user" {
  for_each = var.create_user ? { image = var.image } : {}
  on       = each.value
  name     = var.user
  uid      = var.uid
}

# A key that was cut off while it was made has no public half.
step "command" "keys" {
  on    = var.server
  check = "cd '${local.dir}' && [ -s user ] && [ -s user.pub ]"
  run   = <<-EOT
    umask 077
    mkdir -p '${local.dir}'
    cd '${local.dir}'
    rm -f user user.pub
    ssh-keygen -q -t ed25519 -N '' -C user -f user
  EOT
  undo  = <<-EOT
    rm -rf '${local.dir}'
    rmdir '${dirname(local.dir)}' 2>/dev/null || :
  EOT
}

# Made before the node comes: that it bears the node's name does not make it wait for the node, as each.value would.
step "command" "host" {
  for_each   = { for n in var.nodes : n.name => true }
  on         = var.server
  check      = "cd '${local.dir}' && [ -s host.${each.key} ] && [ -s host.${each.key}.pub ]"
  run        = <<-EOT
    umask 077
    cd '${local.dir}'
    rm -f host.${each.key} host.${each.key}.pub
    ssh-keygen -q -t ed25519 -N '' -C host.${each.key} -f host.${each.key}
  EOT
  undo       = "rm -f '${local.dir}/host.${each.key}' '${local.dir}/host.${each.key}.pub'"
  depends_on = [step.command.keys]
}

step "secret" "user" {
  on         = var.server
  run        = "cat '${local.dir}/user'"
  depends_on = [step.command.keys]
}

step "fact" "user" {
  on         = var.server
  run        = "cut -d ' ' -f 1,2 '${local.dir}/user.pub'"
  depends_on = [step.command.keys]
}

step "secret" "host" {
  for_each   = step.command.host
  on         = var.server
  run        = "cat '${local.dir}/host.${each.key}'"
  depends_on = [step.command.host]
}

step "fact" "host" {
  for_each   = step.command.host
  on         = var.server
  run        = "cut -d ' ' -f 1,2 '${local.dir}/host.${each.key}.pub'"
  depends_on = [step.command.host]
}

# The last to be undone: then sshd is again as the image has it.
step "command" "before" {
  on   = var.nodes
  run  = ":"
  undo = local.reload
}

step "file" "host_key" {
  on         = var.nodes
  path       = "/etc/ssh/viver/host_key"
  mode       = "0600"
  content    = "${step.secret.host[self.name].value}\n"
  depends_on = [step.command.before]
}

step "file" "user_key" {
  on         = var.nodes
  path       = "/etc/ssh/viver/${var.user}"
  mode       = "0600"
  owner      = var.user
  content    = "${step.secret.user.value}\n"
  depends_on = [step.command.before]
}

step "file" "authorized_keys" {
  on         = var.nodes
  path       = "/etc/ssh/viver/${var.user}.pub"
  content    = "${step.fact.user.value} ${var.user}\n"
  depends_on = [step.command.before]
}

step "file" "known_hosts" {
  on      = var.nodes
  path    = "/etc/ssh/ssh_known_hosts"
  content = local.known
}

step "file" "sshd" {
  on         = var.nodes
  path       = "/etc/ssh/sshd_config.d/viver.conf"
  content    = local.sshd
  depends_on = [step.file.host_key]
}

step "file" "ssh" {
  on      = var.nodes
  path    = "/etc/ssh/ssh_config.d/viver.conf"
  content = <<-EOT
    Match host ${local.hosts}
      StrictHostKeyChecking yes
      CheckHostIP no
    Match localuser ${var.user} host ${local.hosts}
      IdentityFile /etc/ssh/viver/${var.user}
      IdentitiesOnly yes
      BatchMode yes
  EOT
}

# sshd reads its configuration and its keys when it starts, which was before the steps.
step "command" "reload" {
  on         = var.nodes
  run        = local.reload
  rerun_on   = [local.sshd, step.fact.host[self.name].value]
  undo       = ":"
  depends_on = [step.file.sshd, step.file.authorized_keys]
}

output "user" {
  value       = var.user
  description = "Who reaches the other nodes."
}

output "nodes" {
  value       = var.nodes
  description = "The machines that reach one another."
}

output "public_key" {
  value       = step.fact.user.value
  description = "The user's public key, as in authorized_keys."
}

output "known_hosts" {
  value       = local.known
  description = "The nodes' host keys by their names, as in known_hosts, for machines that are no nodes."
}
