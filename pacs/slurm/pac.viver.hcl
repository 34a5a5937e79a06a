# Jobs for many machines, by Slurm: one machine has the queue, nodes join it by themselves, and the jobs of a node that dies begin anew elsewhere.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "server" {
  type        = machine
  description = "The machine that has the queue: a server or a node. It may be one of the nodes too."
}

variable "nodes" {
  type        = list(node)
  description = "The machines that work."
}

variable "image" {
  type        = image
  default     = null
  description = "To this image the packages of those that work are added; without it, nodes install them at each boot."
}

variable "server_image" {
  type        = image
  default     = null
  description = "Where the server is a node: the image that it boots, to which the server's packages are added; without it, it installs them."
}

variable "cluster" {
  type        = string
  default     = "viver"
  description = "Slurm's name for all of it."
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,31}$", var.cluster))
    error_message = "The name has lower-case letters and digits, and begins with a letter."
  }
}

variable "patience" {
  type        = number
  default     = 30
  description = "Seconds without an answer after which a node counts as dead, and its jobs are queued again."
  validation {
    condition     = var.patience >= 5 && var.patience <= 3600 && floor(var.patience) == var.patience
    error_message = "The patience is a whole number of seconds, from 5 to 3600."
  }
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "More lines of slurm.conf: { DefMemPerCPU = \"512\" }."
  validation {
    condition     = alltrue([for name, value in var.settings : can(regex("^[A-Za-z]+$", name)) && can(regex("^[^\\n#]+$", value))])
    error_message = "A setting has a name of letters, and a value in one line."
  }
}

locals {
  queue = ["slurmctld", "slurm-client", "munge"]
  work  = ["slurmd", "slurm-client", "munge"]
  conf = merge({
    ClusterName           = var.cluster
    SlurmctldHost         = "${step.fact.name.value}(${var.server.address})"
    SlurmctldParameters   = "enable_configless,cloud_reg_addrs"
    SlurmUser             = "slurm"
    StateSaveLocation     = "/var/lib/slurm/slurmctld"
    SlurmdSpoolDir        = "/var/lib/slurm/slurmd"
    SlurmctldPidFile      = "/run/slurmctld.pid"
    SlurmdPidFile         = "/run/slurmd.pid"
    AuthType              = "auth/munge"
    AuthInfo              = "cred_expire=${var.patience}" # a job that lost its node waits for so long before it begins anew
    ProctrackType         = "proctrack/linuxproc"
    TaskPlugin            = "task/none"
    SelectType            = "select/cons_tres"
    SelectTypeParameters  = "CR_Core"
    MpiDefault            = "pmix"
    JobRequeue            = "1"
    ReturnToService       = "2" # a node that comes back works again
    SlurmdTimeout         = var.patience
    MaxNodeCount          = max(64, length(var.nodes) * 2)
    TreeWidth             = "65533" # nodes that join do not know one another
    AccountingStorageType = "accounting_storage/none"
    JobAcctGatherType     = "jobacct_gather/none"
  }, var.settings)
  slurm_conf = <<-EOT
    # Written by viver (builtin/slurm). Nodes are given it by slurmctld.
    ${join("\n", [for name, value in local.conf : "${name}=${value}"])}
    PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
  EOT
  unit       = <<-EOT
    # Written by viver (builtin/slurm).
    [Unit]
    ConditionPathExists=
    StartLimitIntervalSec=0

    [Service]
    Restart=on-failure
    RestartSec=5
  EOT
  joined     = "scontrol show node $(hostname) | grep -qE 'State=(IDLE|ALLOCATED|MIXED|COMPLETING)'"
}

step "package" "image" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = local.work
}

# A key that a package has made would be the same for whoever has the image.
step "command" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  run        = "rm -f /etc/munge/munge.key"
  check      = "[ ! -e /etc/munge/munge.key ]"
  depends_on = [step.package.image]
}

step "service" "image" {
  for_each   = toset(var.image == null ? [] : ["munge", "slurmd"])
  on         = var.image
  name       = each.key
  enabled    = false
  depends_on = [step.package.image]
}

step "package" "server_image" {
  count = var.server_image == null ? 0 : 1
  on    = var.server_image
  names = local.queue
}

step "command" "server_image" {
  count      = var.server_image == null ? 0 : 1
  on         = var.server_image
  run        = "rm -f /etc/munge/munge.key"
  check      = "[ ! -e /etc/munge/munge.key ]"
  depends_on = [step.package.server_image]
}

step "service" "server_image" {
  for_each   = toset(var.server_image == null ? [] : ["munge", "slurmctld"])
  on         = var.server_image
  name       = each.key
  enabled    = false
  depends_on = [step.package.server_image]
}

step "package" "server" {
  count = var.server_image == null ? 1 : 0
  on    = var.server
  names = local.queue
}

step "package" "nodes" {
  on    = var.image == null ? var.nodes : []
  names = local.work
}

# What the machine calls itself, which need not be what viver calls it.
step "fact" "name" {
  on  = var.server
  run = "cut -d . -f 1 /proc/sys/kernel/hostname"
}

# The key is made once, and then is where all machines have it. Who has it is whoever he says he is, for Slurm.
step "secret" "key" {
  on         = var.server
  run        = "grep -sxE '[A-Za-z0-9+/=]{128}' /etc/munge/munge.key || head -c 96 /dev/urandom | base64 -w 0"
  depends_on = [step.package.server]
}

# The last to be undone: without their keys and files nothing of it can run.
step "command" "found_server" {
  on         = var.server
  run        = ":"
  undo       = "service slurmctld stop; service munge stop"
  depends_on = [step.package.server]
}

step "file" "server_key" {
  on         = var.server
  path       = "/etc/munge/munge.key"
  content    = "${step.secret.key.value}\n"
  mode       = "0400"
  owner      = "munge"
  group      = "munge"
  depends_on = [step.command.found_server]
}

step "file" "conf" {
  on         = var.server
  path       = "/etc/slurm/slurm.conf"
  content    = local.slurm_conf
  depends_on = [step.command.found_server]
}

step "command" "queue" {
  on         = var.server
  run        = "service munge restart && service slurmctld restart"
  rerun_on   = [local.slurm_conf, sha256(step.secret.key.value)]
  undo       = ":"
  depends_on = [step.file.server_key, step.file.conf]
}

step "service" "queue" {
  on         = var.server
  name       = "slurmctld"
  running    = true
  depends_on = [step.command.queue]
}

# A node that leaves is forgotten by the queue.
step "command" "found" {
  on         = var.nodes
  run        = ":"
  undo       = <<-EOT
    service slurmd stop
    timeout 20 scontrol delete nodename=${self.name} || :
    if ! pidof slurmctld >/dev/null; then service munge stop; fi
  EOT
  depends_on = [step.package.nodes]
}

step "file" "key" {
  on         = var.nodes
  path       = "/etc/munge/munge.key"
  content    = "${step.secret.key.value}\n"
  mode       = "0400"
  owner      = "munge"
  group      = "munge"
  depends_on = [step.command.found, step.service.queue]
}

step "file" "options" {
  on         = var.nodes
  path       = "/etc/default/slurmd"
  content    = "# Written by viver (builtin/slurm).\nSLURMD_OPTIONS=\"-Z --conf-server ${var.server.address}:6817\"\n"
  depends_on = [step.command.found]
}

# Debian's own wants a slurm.conf, which nodes are given by slurmctld.
step "file" "unit" {
  on         = var.nodes
  path       = "/etc/systemd/system/slurmd.service.d/viver.conf"
  content    = local.unit
  depends_on = [step.command.found]
}

# When a room is switched on, its server may be the last to come.
step "wait_for" "queue" {
  on         = var.nodes
  tcp        = "${var.server.address}:6817"
  timeout    = "5m"
  depends_on = [step.file.key, step.file.options, step.file.unit]
}

step "command" "work" {
  on         = var.nodes
  run        = "if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi; service munge restart; service slurmd restart"
  rerun_on   = [local.unit, var.server.address, sha256(step.secret.key.value)]
  undo       = ":"
  depends_on = [step.wait_for.queue]
}

step "service" "work" {
  on         = var.nodes
  name       = "slurmd"
  running    = true
  depends_on = [step.command.work]
}

step "command" "joined" {
  on         = var.nodes
  check      = local.joined
  run        = <<-EOT
    for attempt in $(seq 180); do
      if ${local.joined}; then exit 0; fi
      sleep 1
    done
    scontrol show node $(hostname) || :
    service slurmd status || :
    exit 1
  EOT
  undo       = ":"
  depends_on = [step.service.work]
}

output "server" {
  value       = var.server
  description = "The machine that has the queue; jobs can be submitted there, and on every node."
}
