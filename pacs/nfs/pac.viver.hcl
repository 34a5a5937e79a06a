# Folders of one machine that others mount by NFSv4.
variable "server" {
  type        = machine
  description = "The machine that has the folders: a server, or a node, whose files are gone when it is switched off."
}

variable "clients" {
  type        = list(node)
  description = "The machines that mount them."
}

variable "network" {
  type        = network
  description = "Whose machines may mount them."
}

variable "exports" {
  type        = map(string)
  description = "Folder on the server, and where clients mount it: { \"/srv/home\" = \"/home\" }."
  validation {
    condition     = length(var.exports) > 0 && alltrue([for p in concat(keys(var.exports), values(var.exports)) : can(regex("^(/[A-Za-z0-9._+-]+)+$", p))])
    error_message = "Folders are absolute paths of letters, digits and . _ + - and there is at least one."
  }
  validation {
    condition     = length(distinct(values(var.exports))) == length(var.exports)
    error_message = "Two folders would be mounted on the same one."
  }
}

variable "engine" {
  type        = string
  default     = "auto"
  description = "Who serves: kernel, ganesha (a program, for kernels without one), or auto: the kernel's where it has one."
  validation {
    condition     = contains(["auto", "kernel", "ganesha"], var.engine)
    error_message = "The server is auto, kernel or ganesha."
  }
}

variable "image" {
  type        = image
  default     = null
  description = "Where the server is a node: the image that it boots, which gets the server's packages."
}

variable "readonly" {
  type        = bool
  default     = false
  description = "Clients can only read."
}

variable "trust_root" {
  type        = bool
  default     = false
  description = "root on a client is root in the folders, too; else it is nobody there."
}

variable "options" {
  type        = list(string)
  default     = ["hard"]
  description = "Mount options of the clients. hard waits for a server that went away as long as it takes; softerr gives programs an error after some minutes."
}

variable "patience" {
  type        = string
  default     = "5m"
  description = "How long a client that boots waits for a server that is not there yet."
}

locals {
  exports = { for from, to in var.exports : replace(trimprefix(from, "/"), "/", "-") => { from = from, to = to } }

  # One file for each Pac, so that a server can have several.
  kernel = {
    packages = ["nfs-kernel-server"]
    service  = "nfs-server"
    path     = "/etc/exports.d/${join("_", keys(local.exports))}.exports"
    refresh  = "exportfs -ra"
    lines = [for e in local.exports : join(" ", [e.from, join(" ", [for range in var.network.cidr : format("%s(%s)", range, join(",", [
      var.readonly ? "ro" : "rw", "sync", "no_subtree_check", var.trust_root ? "no_root_squash" : "root_squash",
      "fsid=${uuidv5("url", "nfs://${e.from}")}", # says which folder it is, also where its file system does not
    ]))])])]
  }
  ganesha = {
    packages = ["nfs-ganesha", "nfs-ganesha-vfs"]
    service  = "nfs-ganesha"
    path     = "/etc/ganesha/ganesha.conf"
    refresh  = "service nfs-ganesha restart"
    lines = concat(
      ["NFS_CORE_PARAM { Protocols = 4; Enable_UDP = false; Enable_RQUOTA = false; Enable_NLM = false; }"],
      [for n, e in values(local.exports) : join(" ", [
        "EXPORT { Export_Id = ${n + 1}; Path = ${e.from}; Pseudo = ${e.from}; Filesystem_Id = 7.${n + 1}; Protocols = 4; SecType = sys;",
        "Squash = ${var.trust_root ? "No_Root_Squash" : "Root_Squash"}; Access_Type = None;",
        "CLIENT { Clients = ${join(", ", var.network.cidr)}; Protocols = 4; Access_Type = ${var.readonly ? "RO" : "RW"}; }",
        "FSAL { Name = VFS; } }",
    ])])
  }
  engine = var.engine == "auto" ? one(step.fact.engine[*].value) : var.engine
  serve  = local.engine == "ganesha" ? local.ganesha : local.kernel
  host   = strcontains(var.server.address, ":") ? "[${var.server.address}]" : var.server.address
}

step "fact" "engine" {
  count = var.engine == "auto" ? 1 : 0
  on    = var.server
  run   = "if grep -qw nfsd /proc/filesystems || modprobe -qn nfsd; then echo kernel; else echo ganesha; fi"
}

# On a node the service must not run before it is told what to serve.
step "package" "baked" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = var.engine == "ganesha" ? local.ganesha.packages : local.kernel.packages
}

step "service" "baked" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  name       = var.engine == "ganesha" ? local.ganesha.service : local.kernel.service
  enabled    = false
  depends_on = [step.package.baked]
}

step "package" "server" {
  count = var.image == null ? 1 : 0
  on    = var.server
  names = local.serve.packages
}

# Comes before the file, so that it is taken back after it: whatever else the machine serves goes on.
step "command" "former" {
  on         = var.server
  run        = ":"
  undo       = "if [ -e /proc/fs/nfsd/threads ]; then exportfs -ra; fi"
  depends_on = [step.package.server]
}

step "directory" "folder" {
  for_each = local.exports
  on       = var.server
  path     = each.value.from
}

step "file" "exports" {
  on         = var.server
  path       = local.serve.path
  content    = join("", [for line in local.serve.lines : "${line}\n"])
  depends_on = [step.command.former, step.directory.folder]
}

step "service" "server" {
  on         = var.server
  name       = local.serve.service
  enabled    = true
  running    = true
  depends_on = [step.file.exports]
}

step "command" "refresh" {
  on         = var.server
  run        = local.serve.refresh
  rerun_on   = local.serve.lines
  undo       = ":"
  depends_on = [step.service.server]
}

# The kernel mounts NFSv4 by itself when it is given the address: clients need no package.
step "mount" "folder" {
  for_each   = local.exports
  on         = var.clients
  path       = each.value.to
  source     = "${local.host}:${each.value.from}"
  type       = "nfs4"
  options    = concat(["vers=4.2", "addr=${var.server.address}"], var.options)
  timeout    = var.patience # when a room is switched on the server may come later than its clients
  depends_on = [step.command.refresh]
}

output "folders" {
  value       = { for name, d in step.directory.folder : d.path => var.exports[d.path] }
  description = "The folders on the server, and where clients mount them; what uses it waits until they are there."
}

output "engine" {
  value       = local.engine
  description = "Who serves: kernel or ganesha."
}
