# The nodes' own disks for data, where they are marked for it. All other disks are left alone.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines whose disks are looked at."
}

variable "path" {
  type        = string
  default     = "/scratch"
  description = "Folder in which they are mounted, each in a folder of its own."
  validation {
    condition     = can(regex("^(/[A-Za-z0-9][A-Za-z0-9._-]*)+$", var.path))
    error_message = "The path is absolute and has letters, digits, dots, hyphens and underscores."
  }
}

variable "marker" {
  type        = string
  default     = "viver-disk.txt"
  description = "Name of the file that marks a file system, in its topmost folder."
}

variable "mode" {
  type        = string
  default     = "1777"
  description = "Permissions of the topmost folder, octal: 1777 lets everybody write; empty: as they are."
  validation {
    condition     = can(regex("^([0-7]{3,4})?$", var.mode))
    error_message = "The permissions are three or four octal digits."
  }
}

pac "marked" {
  source = "builtin/marked"
  marker = var.marker
}

locals {
  settings = <<-EOT
    path=${var.path} mode=${var.mode}
    ${pac.marked.script}
    # scratch_state: what the places follow from. Where it differs, the disks are looked at again.
    scratch_state() { echo "$path $mode $marker $(disks | tr '\n' ' ')"; }
  EOT
}

step "command" "mount" {
  on    = var.nodes
  run   = "${local.settings}${file("files/mount.sh")}"
  check = "${local.settings}${file("files/check.sh")}"
  undo  = "${local.settings}${file("files/unmount.sh")}"
}

output "path" {
  value       = var.path
  description = "Folder in which each marked disk has its own."
}
