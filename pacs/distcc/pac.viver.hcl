# C and C++ compile over all nodes: each runs distccd for the others, and distcc knows all of them.
viver {
  requires {
    distribution = ["debian", "ubuntu"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines that compile."
}

variable "image" {
  type        = image
  description = "What they boot: it gets distcc and the compilers."
}

variable "compilers" {
  type        = list(string)
  default     = ["gcc", "g++", "libc6-dev", "make"]
  description = "Packages with compilers and what goes with them. They come from the image, so all nodes have the same."
}

variable "jobs" {
  type        = number
  default     = null
  description = "Files that a node compiles at once for others; unset: as many as it has cores."
  validation {
    condition     = var.jobs == null || try(var.jobs >= 1 && floor(var.jobs) == var.jobs, false)
    error_message = "A node compiles at least one file at once."
  }
}

variable "clients" {
  type        = list(string)
  default     = []
  description = "Addresses of further machines, or networks (\"10.20.7.0/24\"), whose users may have the nodes compile too."
  validation {
    condition     = alltrue([for c in var.clients : can(regex("^[0-9a-fA-F.:]+(/[0-9]+)?$", c))])
    error_message = "A client is an address or a network."
  }
}

locals {
  jobs = [for n in var.nodes : coalesce(var.jobs, try(n.facts.cores, null), 1)]
  # distccd writes its number into a file, some time after its script has ended.
  runs    = "[ -s /run/distccd.pid ] && kill -0 \"$(cat /run/distccd.pid)\""
  restart = <<-EOT
    if [ -d /run/systemd/system ]; then systemctl reset-failed distcc 2>/dev/null || :; fi
    service distcc restart
    tries=0
    until ${local.runs}; do
      tries=$((tries + 1))
      [ "$tries" -lt 100 ]
      sleep 0.1
    done
  EOT
}

step "package" "distcc" {
  on    = var.image
  names = concat(["distcc"], var.compilers)
}

# Whom distcc asks, and whom distccd lets in: it is told when it starts.
pac "hosts" {
  source  = "builtin/hostfile"
  nodes   = var.nodes
  path    = "/etc/distcc/hosts"
  lines   = [for i, n in var.nodes : "${n.name}/${local.jobs[i]} # ${n.address}"]
  changed = "if ${local.runs}; then\n${local.restart}fi"
}

step "file" "server" {
  on      = var.nodes
  path    = "/etc/default/distcc"
  content = <<-EOT
    STARTDISTCC="true"
    ALLOWEDNETS="$(sed -n 's/^[A-Za-z0-9].* # //p' /etc/distcc/hosts) ${join(" ", var.clients)}"
    LISTENER="${self.address}"
    JOBS="${coalesce(var.jobs, try(self.facts.cores, null), 1)}"
    NICE="10"
    ZEROCONF="false"
  EOT
}

# The image's own settings do not start it, and images have no logs: distccd cannot make its own, as it is not root. That it names their count
# brings it behind the lines, so that they need not start it anew one by one; it waits for none of them.
step "command" "server" {
  on         = var.nodes
  check      = local.runs
  run        = <<-EOT
    touch /var/log/distccd.log
    chown distccd:adm /var/log/distccd.log
    chmod 0640 /var/log/distccd.log
    ${local.restart}
  EOT
  rerun_on   = sha256(jsonencode([var.clients, self.address, coalesce(var.jobs, try(self.facts.cores, null), 1), pac.hosts.count > 0]))
  undo       = "service distcc stop"
  depends_on = [step.file.server]
}

output "hosts" {
  value       = join(" ", [for i, n in var.nodes : "${n.address}/${local.jobs[i]}"])
  description = "The nodes as DISTCC_HOSTS has them, for clients that are no nodes."
}

output "jobs" {
  value       = sum(local.jobs)
  description = "How many files all nodes compile at once: make -j."
}
