# All nodes as one parallel virtual machine: whoever starts pvm on one of them has all of them.
viver {
  requires {
    distribution = ["debian", "ubuntu"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines of the virtual machine."
}

variable "image" {
  type        = image
  description = "What they boot: it gets PVM."
}

variable "programs" {
  type        = list(string)
  default     = ["/usr/local/bin"]
  description = "Folders with programs that can be spawned, beside each user's ~/pvm3/bin/LINUX64."
}

variable "compiler" {
  type        = bool
  default     = true
  description = "Whether programs can be compiled on the nodes, and by steps in the image: PVM's library, gcc, make."
}

step "package" "pvm" {
  on    = var.image
  names = concat(["pvm", "openssh-client"], var.compiler ? ["pvm-dev", "gcc", "libc6-dev", "make"] : [])
}

# Debian's pvm reaches other machines by whichever remote shell this stands for.
step "command" "rsh" {
  on       = var.image
  unless   = "[ \"$(readlink -f /usr/lib/pvm3/bin/rsh)\" = \"$(readlink -f /usr/bin/ssh)\" ]"
  run      = <<-EOT
    update-alternatives --install /usr/lib/pvm3/bin/rsh pvm-rsh /usr/bin/ssh 50
    update-alternatives --set pvm-rsh /usr/bin/ssh
  EOT
  rerun_on = step.package.pvm.names
}

pac "hostfile" {
  source = "builtin/hostfile"
  nodes  = var.nodes
  path   = "/etc/pvm.hosts"
  head   = ["* ep=${join(":", concat(var.programs, ["$HOME/pvm3/bin/$PVM_ARCH"]))}"]
  lines  = [for n in var.nodes : n.name]
}

output "hostfile" {
  value       = pac.hostfile.path
  description = "The nodes: pvm FILE."
}

output "packages" {
  value       = step.package.pvm.names
  description = "What is put into the image. Steps which refer to it come after that."
}
