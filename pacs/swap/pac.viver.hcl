# Room for more than fits into RAM: compressed RAM, and the nodes' own disks where they are marked for it. All other disks are left alone.
viver {
  requires {
    distribution   = ["debian"]
    kernel_modules = ["zram"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines that swap."
}

variable "zram" {
  type        = number
  default     = 50
  description = "How much may be swapped to compressed RAM, in percent of the machine's RAM; 0: none."
  validation {
    condition     = var.zram >= 0 && var.zram <= 400 && floor(var.zram) == var.zram
    error_message = "The share is a whole number from 0 to 400 percent."
  }
}

variable "algorithm" {
  type        = string
  default     = "zstd"
  description = "How RAM is compressed: zstd is small, lz4 and lzo-rle are fast."
  validation {
    condition     = contains(["zstd", "lz4", "lzo-rle"], var.algorithm)
    error_message = "The algorithm is zstd, lz4 or lzo-rle."
  }
}

variable "disks" {
  type        = bool
  default     = true
  description = "Whether marked disks are used."
}

variable "marker" {
  type        = string
  default     = "viver-disk.txt"
  description = "Name of the file that marks a file system, in its topmost folder."
}

pac "marked" {
  source = "builtin/marked"
  marker = var.marker
}

locals {
  settings = <<-EOT
    zram=${var.zram} algorithm=${var.algorithm} disks=${var.disks}
    ${pac.marked.script}
    ${file("files/off.sh")}
    # swap_state: what the swap follows from. Where it differs, the disks are looked at again.
    swap_state() { echo "$zram $algorithm $disks $marker $(disks | tr '\n' ' ')"; }
  EOT
}

step "command" "swap" {
  on    = var.nodes
  run   = "${local.settings}${file("files/on.sh")}"
  check = "${local.settings}${file("files/check.sh")}"
  undo  = "${local.settings}if [ -f /run/viver/swap ]; then swap_off; fi\n"
}
