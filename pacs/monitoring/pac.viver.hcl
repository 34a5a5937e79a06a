# State and load of every node on one page, by Prometheus and its node exporter. A node that dies is shown as dead within seconds.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "server" {
  type        = machine
  description = "The machine that watches: a server or a node."
}

variable "nodes" {
  type        = list(node)
  description = "The machines that are watched; a server that watches is too."
}

variable "image" {
  type        = image
  default     = null
  description = "To this image the exporter is added, for nodes; without it, nodes install it at each boot."
}

variable "server_image" {
  type        = image
  default     = null
  description = "Where the server is a node: the image that it boots, to which the server's packages are added; without it, it installs them."
}

variable "interval" {
  type        = number
  default     = 2
  description = "Seconds from one look at a node to the next. One that does not answer for that long is dead."
  validation {
    condition     = var.interval >= 1 && floor(var.interval) == var.interval
    error_message = "The interval is a whole number of seconds, 1 at least."
  }
}

variable "keep_days" {
  type        = number
  default     = 15
  description = "For how long figures are kept."
  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "Figures are kept for one day at least, and for whole days."
  }
}

variable "keep_megabytes" {
  type        = number
  default     = 1000
  description = "How much room the figures may take. On a node they are in RAM."
  validation {
    condition     = var.keep_megabytes >= 64 && floor(var.keep_megabytes) == var.keep_megabytes
    error_message = "The figures take 64 MB at least."
  }
}

variable "port" {
  type        = number
  default     = 9090
  description = "TCP port of the page on the server."
  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

locals {
  targets = "/etc/prometheus/viver"
  # What is asked every few seconds must be cheap to tell.
  collectors = "# Written by viver (builtin/monitoring).\nARGS=\"--collector.disable-defaults ${join(" ", [
    for c in ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat", "time", "uname", "vmstat"] : "--collector.${c}"
  ])}\"\n"
  config = yamlencode({
    global = { scrape_interval = "${var.interval}s", scrape_timeout = "${var.interval}s" }
    scrape_configs = [{
      job_name        = "nodes"
      file_sd_configs = [{ files = ["${local.targets}/*.json"] }]
    }]
  })
  arguments = join(" ", [
    "--web.listen-address=:${var.port}",
    "--web.console.templates=/etc/prometheus/consoles",
    "--web.console.libraries=/etc/prometheus/console_libraries",
    "--storage.tsdb.path=/var/lib/prometheus/metrics2",
    "--storage.tsdb.retention.time=${var.keep_days}d",
    "--storage.tsdb.retention.size=${var.keep_megabytes}MB",
  ])
}

step "package" "image" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = ["prometheus-node-exporter"]
}

# In an image neither starts by itself: all nodes share it, and not each of them is the server.
step "service" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  name       = "prometheus-node-exporter"
  enabled    = false
  depends_on = [step.package.image]
}

step "package" "server_image" {
  count = var.server_image == null ? 0 : 1
  on    = var.server_image
  names = ["prometheus"]
}

step "service" "server_image" {
  count      = var.server_image == null ? 0 : 1
  on         = var.server_image
  name       = "prometheus"
  enabled    = false
  depends_on = [step.package.server_image]
}

step "package" "nodes" {
  on    = var.image == null ? var.nodes : []
  names = ["prometheus-node-exporter"]
}

step "file" "watched" {
  on         = var.nodes
  path       = "/etc/default/prometheus-node-exporter"
  content    = local.collectors
  depends_on = [step.package.nodes]
}

step "command" "watched" {
  on         = var.nodes
  run        = "service prometheus-node-exporter restart"
  rerun_on   = local.collectors
  undo       = "service prometheus-node-exporter stop"
  depends_on = [step.file.watched]
}

step "service" "watched" {
  on         = var.nodes
  name       = "prometheus-node-exporter"
  running    = true
  depends_on = [step.command.watched]
}

step "package" "server" {
  count = var.server_image == null ? 1 : 0
  on    = var.server
  names = var.server.kind == "server" ? ["prometheus", "prometheus-node-exporter"] : ["prometheus"]
}

# The last to be undone: then the service is again as it was found.
step "command" "found" {
  on         = var.server
  run        = ":"
  undo       = self.kind == "node" ? "service prometheus stop" : "service prometheus restart"
  depends_on = [step.package.server]
}

step "file" "config" {
  on         = var.server
  path       = "/etc/prometheus/prometheus.yml"
  content    = "# Written by viver (builtin/monitoring).\n${local.config}"
  depends_on = [step.command.found]
}

step "file" "page" {
  on         = var.server
  path       = "/etc/prometheus/consoles/nodes.html"
  content    = replace(file("files/nodes.html"), "WINDOW", "${max(10, var.interval * 5)}s")
  depends_on = [step.command.found]
}

step "file" "arguments" {
  on         = var.server
  path       = "/etc/default/prometheus"
  content    = "# Written by viver (builtin/monitoring).\nARGS=\"${local.arguments}\"\n"
  depends_on = [step.command.found]
}

step "command" "restart" {
  on         = var.server
  run        = "service prometheus restart"
  rerun_on   = [local.config, local.arguments]
  undo       = ":"
  depends_on = [step.file.config, step.file.page, step.file.arguments]
}

step "service" "running" {
  on         = var.server
  name       = "prometheus"
  running    = true
  depends_on = [step.command.restart]
}

# The server is watched too, where it is none of the nodes.
step "file" "exporter" {
  count      = var.server.kind == "server" ? 1 : 0
  on         = var.server
  path       = "/etc/default/prometheus-node-exporter"
  content    = local.collectors
  depends_on = [step.package.server]
}

step "command" "exporter" {
  count      = var.server.kind == "server" ? 1 : 0
  on         = var.server
  run        = "service prometheus-node-exporter restart"
  rerun_on   = local.collectors
  undo       = "service prometheus-node-exporter stop"
  depends_on = [step.file.exporter]
}

step "service" "exporter" {
  count      = var.server.kind == "server" ? 1 : 0
  on         = var.server
  name       = "prometheus-node-exporter"
  running    = true
  depends_on = [step.command.exporter]
}

# A file for each node, which Prometheus reads as soon as it is there: one that does not come holds up no other.
step "file" "target" {
  count      = length(var.nodes)
  on         = var.server
  path       = "${local.targets}/${var.nodes[count.index].name}.json"
  content    = jsonencode([{ targets = ["${var.nodes[count.index].address}:9100"], labels = { node = var.nodes[count.index].name } }])
  depends_on = [step.package.server]
}

step "file" "own_target" {
  count      = var.server.kind == "server" ? 1 : 0
  on         = var.server
  path       = "${local.targets}/viver-server.json"
  content    = jsonencode([{ targets = ["${var.server.address}:9100"], labels = { node = var.server.name } }])
  depends_on = [step.package.server]
}

output "page" {
  value       = "http://${var.server.address}:${var.port}/consoles/nodes.html"
  description = "Where the page is."
}
