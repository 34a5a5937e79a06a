# A file with a line for each node that has come, as programs read that use many machines. mpi, pvm and distcc have theirs from it.
variable "nodes" {
  type        = list(node)
  description = "The machines, all of which get the file."
}

variable "path" {
  type        = string
  description = "Where the file is."
  validation {
    condition     = can(regex("^(/[A-Za-z0-9._+-]+)+$", var.path))
    error_message = "The path begins with a slash, and its parts have letters, digits and . _ + -"
  }
}

variable "lines" {
  type        = list(string)
  description = "The line of each node, in the order of nodes. It begins with the node's name."
}

variable "head" {
  type        = list(string)
  default     = []
  description = "Lines that stand before them. None begins with a letter or a digit, as names do."
  validation {
    condition     = alltrue([for line in var.head : can(regex("^[^A-Za-z0-9\\n][^\\n]*$", line))])
    error_message = "What stands before the nodes are single lines, which begin with neither a letter nor a digit."
  }
}

variable "changed" {
  type        = string
  default     = ":"
  description = "Shell commands that follow each change of a line."
}

locals {
  title = "# Written by viver: the nodes that have come."
  head  = [for line in concat([local.title], var.head) : "'${replace(line, "'", "'\\''")}'"]
  lines = [for line in var.lines : "'${replace(line, "'", "'\\''")}'"]
  kept  = "/run/viver/hostfile${replace(var.path, "/", ".")}"
  # The lines of other nodes than the one with this name. A name begins with a letter or a digit, and what stands before the nodes does not.
  others = [for n in var.nodes : "sed -n -e '/^${n.name}[^A-Za-z0-9-]/d' -e '/^${n.name}$/d' -e '/^[A-Za-z0-9]/p' ${var.path}"]
  before = "sed '/^[A-Za-z0-9]/d' ${var.path}"
  # Puts what comes in the place of the file, which others may be reading.
  replace = "{ cat >${var.path}.new; chmod 644 ${var.path}.new; mv ${var.path}.new ${var.path}; }"
}

# What stood there is kept, and put back in the end.
step "command" "head" {
  on    = var.nodes
  check = "[ \"$(${local.before})\" = \"$(printf '%s\\n' ${join(" ", local.head)})\" ]"
  run   = <<-EOT
    mkdir -p ${dirname(var.path)} ${dirname(local.kept)}
    ours=
    if grep -qsxF '${local.title}' ${var.path}; then ours=y; elif [ -e ${var.path} ]; then cp -p ${var.path} ${local.kept}; fi
    { printf '%s\n' ${join(" ", local.head)}; [ -z "$ours" ] || sed -n '/^[A-Za-z0-9]/p' ${var.path}; } | ${local.replace}
  EOT
  undo  = "rm -f ${var.path}; if [ -e ${local.kept} ]; then mv ${local.kept} ${var.path}; fi"
}

# A step for each line on each node, not one for the whole file: a node that does not come holds up its own line and no other.
step "command" "line" {
  count      = length(var.nodes)
  on         = var.nodes
  check      = "grep -qxF ${local.lines[count.index]} ${var.path}"
  run        = <<-EOT
    { ${local.before}; { ${local.others[count.index]}; echo ${local.lines[count.index]}; } | sort -V; } | ${local.replace}
    ${var.changed}
  EOT
  undo       = <<-EOT
    { ${local.before}; ${local.others[count.index]}; } | ${local.replace}
    ${var.changed}
  EOT
  depends_on = [step.command.head]
}

output "path" {
  value       = var.path
  description = "Where the file is."
}

output "count" {
  value       = length(step.command.line)
  description = "How many lines there are, on all nodes together. A step that refers to it waits for no node, and comes after the lines of those that are there."
}
