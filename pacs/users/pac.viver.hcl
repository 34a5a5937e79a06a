# Users and groups of the machines themselves. Names for a whole network, with one place where they are kept, are builtin/ldap's.
variable "machines" {
  type        = list(machine)
  description = "Where they are users."
}

variable "users" {
  type = map(object({
    uid    = number
    group  = optional(string)
    groups = optional(list(string), [])
    home   = optional(string)
    shell  = optional(string)
    keys   = optional(list(string), [])
  }))
  description = "By name: the number, and if need be the first group, further groups, home folder, shell and SSH keys."
  validation {
    condition     = alltrue([for name in keys(var.users) : can(regex("^[a-z_][a-z0-9_-]{0,31}$", name))])
    error_message = "A user's name has lower-case letters, digits, _ and -, 32 at most, and begins with a letter."
  }
  validation {
    condition     = length(distinct([for u in values(var.users) : u.uid])) == length(var.users) && alltrue([for u in values(var.users) : u.uid >= 1000 && u.uid < 60000])
    error_message = "Each user has a number of his own, from 1000 to 59999."
  }
}

variable "groups" {
  type        = map(number)
  default     = {}
  description = "By name: the numbers of groups that the machines do not have."
}

variable "passwords" {
  type        = map(string)
  default     = {}
  sensitive   = true
  description = "By user: the password as a hash, as `openssl passwd -6` prints it; a user without one logs in by a key."
  validation {
    condition     = alltrue([for name, hash in var.passwords : contains(keys(var.users), name) && can(regex("^[$][0-9a-z]+[$][!-~]+$", hash))])
    error_message = "Passwords are hashes, as `openssl passwd -6` prints them, of users that there are."
  }
}

variable "create_home" {
  type        = bool
  default     = true
  description = "Make the home folders; false where they are mounted."
}

locals {
  # Whoever has no first group gets one of his own, with his name and number.
  groups = merge({ for name, u in var.users : name => u.uid if u.group == null }, var.groups)
  homes  = { for name, u in var.users : name => coalesce(u.home, "/home/${name}") }
}

step "group" "group" {
  for_each = local.groups
  on       = var.machines
  name     = each.key
  gid      = each.value
}

step "user" "user" {
  for_each      = var.users
  on            = var.machines
  name          = each.key
  uid           = each.value.uid
  group         = coalesce(each.value.group, each.key)
  groups        = each.value.groups
  home          = local.homes[each.key]
  shell         = each.value.shell
  password_hash = lookup(var.passwords, each.key, null)
  create_home   = var.create_home
  depends_on    = [step.group.group]
}

step "directory" "ssh" {
  for_each   = { for name, u in var.users : name => u if length(u.keys) > 0 }
  on         = var.machines
  path       = "${local.homes[each.key]}/.ssh"
  mode       = "0700"
  owner      = each.key
  group      = coalesce(each.value.group, each.key)
  depends_on = [step.user.user]
}

step "file" "keys" {
  for_each   = { for name, u in var.users : name => u if length(u.keys) > 0 }
  on         = var.machines
  path       = "${local.homes[each.key]}/.ssh/authorized_keys"
  content    = join("", [for key in each.value.keys : "${key}\n"])
  mode       = "0600"
  owner      = each.key
  group      = coalesce(each.value.group, each.key)
  depends_on = [step.directory.ssh]
}

output "names" {
  value       = keys(var.users)
  description = "The users' names."
}
