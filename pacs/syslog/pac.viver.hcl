# What the nodes log stands on one machine, by rsyslog: it is there still when the node that wrote it is gone.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "server" {
  type        = machine
  description = "The machine that keeps the logs: a server or a node."
}

variable "network" {
  type        = network
  description = "From where logs are taken."
}

variable "clients" {
  type        = list(node)
  description = "The nodes that send theirs. They keep none themselves, but in systemd's journal."
}

variable "image" {
  type        = image
  default     = null
  description = "To this image rsyslog is added, for nodes; without it, nodes install it at each boot. Servers install it themselves."
}

variable "folder" {
  type        = string
  default     = "/var/log/hosts"
  description = "Where the server keeps them: a file NAME.log for each machine."
  validation {
    condition     = can(regex("^(/[A-Za-z0-9][A-Za-z0-9._-]*)+$", var.folder))
    error_message = "The folder is an absolute path of letters, digits, dots, hyphens and underscores."
  }
}

variable "keep_days" {
  type        = number
  default     = 14
  description = "For how long they are kept. Each day begins a new file, and so do 100 MB."
  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "Logs are kept for one day at least, and for whole days."
  }
}

variable "port" {
  type        = number
  default     = 514
  description = "TCP port on the server."
  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

locals {
  packages = ["rsyslog", "logrotate"]
  senders  = [for c in var.network.cidr : strcontains(c, ":") ? "[${split("/", c)[0]}]/${split("/", c)[1]}" : c]
  keep     = <<-EOT
    # Written by viver (builtin/syslog).
    module(load="imtcp" maxSessions="4000")
    $AllowedSender TCP, ${join(", ", local.senders)}
    template(name="viverFile" type="list") {
      constant(value="${var.folder}/")
      property(name="hostname" securePath="replace")
      constant(value=".log")
    }
    ruleset(name="viver") {
      action(type="omfile" dynaFile="viverFile" template="RSYSLOG_FileFormat" dynaFileCacheSize="4000" dirCreateMode="0755" fileCreateMode="0640")
    }
    input(type="imtcp" port="${var.port}" ruleset="viver")
  EOT
}

step "package" "image" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = local.packages
}

# In an image it does not start by itself: a node would fill its RAM with files before it is told where to send.
step "service" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  name       = "rsyslog"
  enabled    = false
  depends_on = [step.package.image]
}

# The socket of the system's log, which rsyslog needs, looks for its service by this name. Debian's goes when the service is disabled.
step "link" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  path       = "/etc/systemd/system/syslog.service"
  target     = "/lib/systemd/system/rsyslog.service"
  depends_on = [step.service.image]
}

step "package" "server" {
  count = var.image == null || var.server.kind == "server" ? 1 : 0
  on    = var.server
  names = local.packages
}

step "package" "clients" {
  on    = var.image == null ? var.clients : []
  names = local.packages
}

# The last to be undone: then the service is again as it was found.
step "command" "found_server" {
  on         = var.server
  run        = ":"
  undo       = self.kind == "node" ? "service rsyslog stop" : "service rsyslog restart"
  depends_on = [step.package.server]
}

step "file" "keep" {
  on         = var.server
  path       = "/etc/rsyslog.d/viver.conf"
  content    = local.keep
  depends_on = [step.command.found_server]
}

step "file" "rotate" {
  on         = var.server
  path       = "/etc/logrotate.d/viver"
  content    = <<-EOT
    # Written by viver (builtin/syslog).
    ${var.folder}/*.log {
      daily
      rotate ${var.keep_days}
      maxsize 100M
      missingok
      notifempty
      compress
      delaycompress
      sharedscripts
      postrotate
        /usr/lib/rsyslog/rsyslog-rotate
      endscript
    }
  EOT
  depends_on = [step.package.server]
}

step "command" "keep" {
  on         = var.server
  run        = "rsyslogd -N 1 && service rsyslog restart"
  rerun_on   = local.keep
  undo       = ":"
  depends_on = [step.file.keep, step.file.rotate]
}

step "service" "keep" {
  on         = var.server
  name       = "rsyslog"
  running    = true
  depends_on = [step.command.keep]
}

step "command" "found" {
  on         = var.clients
  run        = ":"
  undo       = self.kind == "node" ? "service rsyslog stop" : "service rsyslog restart"
  depends_on = [step.package.clients]
}

step "file" "send" {
  on         = var.clients
  path       = "/etc/rsyslog.conf"
  content    = <<-EOT
    # Written by viver (builtin/syslog).
    global(workDirectory="/var/spool/rsyslog" localHostname="${self.name}")
    module(load="imuxsock")
    module(load="imklog")
    include(file="/etc/rsyslog.d/*.conf" mode="optional")
    action(
      type="omfwd" target="${var.server.address}" port="${var.port}" protocol="tcp" keepAlive="on"
      template="RSYSLOG_SyslogProtocol23Format"
      action.resumeRetryCount="-1" action.resumeInterval="2"
      queue.type="LinkedList" queue.size="20000" queue.timeoutEnqueue="0"
    )
  EOT
  depends_on = [step.command.found]
}

step "command" "send" {
  on         = var.clients
  run        = "rsyslogd -N 1 && service rsyslog restart"
  rerun_on   = [self.name, var.server.address, var.port]
  undo       = ":"
  depends_on = [step.file.send]
}

step "service" "send" {
  on         = var.clients
  name       = "rsyslog"
  running    = true
  depends_on = [step.command.send]
}

output "folder" {
  value       = var.folder
  description = "Where the server has a file NAME.log for each machine."
}
