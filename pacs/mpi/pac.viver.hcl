# Open MPI over all nodes: mpirun without further arguments starts a process for each core of each node.
viver {
  requires {
    distribution = ["debian", "ubuntu"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines that compute."
}

variable "image" {
  type        = image
  description = "What they boot: it gets Open MPI."
}

variable "network" {
  type        = network
  description = "Where the processes talk to one another."
}

variable "slots" {
  type        = number
  default     = null
  description = "Processes on each node; unset: as many as it has cores."
  validation {
    condition     = var.slots == null || try(var.slots >= 1 && floor(var.slots) == var.slots, false)
    error_message = "There is at least one process on a node."
  }
}

variable "compiler" {
  type        = bool
  default     = true
  description = "Whether programs can be compiled on the nodes, and by steps in the image: mpicc, gcc, make."
}

locals {
  slots    = [for n in var.nodes : coalesce(var.slots, try(n.facts.cores, null), 1)]
  networks = join(",", [for c in var.network.cidr : c if !strcontains(c, ":")])
}

step "package" "openmpi" {
  on    = var.image
  names = concat(["openmpi-bin"], var.compiler ? ["libopenmpi-dev", "gcc", "libc6-dev", "make"] : [])
}

# Both are files of the package. The first has only examples in it, the second what stands at the end here.
pac "hostfile" {
  source = "builtin/hostfile"
  nodes  = var.nodes
  path   = "/etc/openmpi/openmpi-default-hostfile"
  lines  = [for i, n in var.nodes : "${n.name} slots=${local.slots[i]}"]
}

step "file" "parameters" {
  on      = var.nodes
  path    = "/etc/openmpi/openmpi-mca-params.conf"
  content = <<-EOT
    # Only the nodes' network, also where a machine has others.
    oob_tcp_if_include = ${local.networks}
    btl_tcp_if_include = ${local.networks}
    plm_rsh_agent = ssh
    # Debian's own: nothing that needs the libraries of particular network cards.
    btl_base_warn_component_unused = 0
    btl = ^uct,openib,ofi
    mtl = ^ofi
    pml = ^ucx
    osc = ^ucx,pt2pt
  EOT
}

output "hostfile" {
  value       = pac.hostfile.path
  description = "The nodes with their slots; mpirun reads it by itself."
}

output "slots" {
  value       = sum(local.slots)
  description = "How many processes run at once on all nodes."
}

output "packages" {
  value       = step.package.openmpi.names
  description = "What is put into the image. Steps which refer to it come after that."
}
