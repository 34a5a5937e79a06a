# Language, keyboard and time zone.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "nodes" {
  type        = list(node)
  description = "The machines."
}

variable "image" {
  type        = image
  default     = null
  description = "To this image packages and language are added; without it, nodes install them at each boot, which takes a minute."
}

variable "locale" {
  type        = string
  default     = "C.UTF-8"
  description = "Language and country: de_DE.UTF-8, ja_JP.UTF-8."
  validation {
    condition     = can(regex("^(C|[a-z]{2,3}_[A-Z]{2})[.]UTF-8(@[a-z]+)?$", var.locale))
    error_message = "A locale is a language, a country and UTF-8: de_DE.UTF-8."
  }
}

variable "keyboard" {
  type        = string
  default     = "us"
  description = "Layout of the keyboard, as X has it: us, de, jp; several with commas between them."
  validation {
    condition     = can(regex("^[a-z]{2,}(,[a-z]{2,})*$", var.keyboard))
    error_message = "A layout has lower-case letters: \"de\"; several have commas between them: \"us,ru\"."
  }
}

variable "variant" {
  type        = string
  default     = ""
  description = "Variant of the layout: nodeadkeys, dvorak."
  validation {
    condition     = can(regex("^[a-z0-9_,-]*$", var.variant))
    error_message = "A variant has lower-case letters, digits, hyphens and underscores."
  }
}

variable "model" {
  type        = string
  default     = "pc105"
  description = "Model of the keyboard: pc105, jp106."
  validation {
    condition     = can(regex("^[a-z0-9_]+$", var.model))
    error_message = "A model has lower-case letters, digits and underscores."
  }
}

variable "zone" {
  type        = string
  default     = null
  description = "Time zone: Europe/Berlin, Asia/Tokyo; unset: as the image has it."
  validation {
    condition     = var.zone == null || can(regex("^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$", var.zone))
    error_message = "A zone is a continent and a town: Europe/Berlin."
  }
}

locals {
  packages = ["locales", "console-setup", "kbd", "tzdata"]
  # The name without encoding, as localedef wants it: de_DE, ca_ES@valencia.
  language = replace(var.locale, ".UTF-8", "")
  archived = replace(var.locale, "UTF-8", "utf8")
  keymap   = "/usr/local/share/viver/${var.model}_${var.keyboard}_${var.variant}.kmap"
  made     = "[ -s ${local.keymap} ] && locale -a | grep -qxF ${local.archived}"
  make     = <<-EOT
    if ! locale -a | grep -qxF ${local.archived}; then localedef -i ${local.language} -f UTF-8 ${var.locale}; fi
    mkdir -p ${dirname(local.keymap)}
    ckbcomp -compact -model ${var.model} -layout ${var.keyboard} -variant '${var.variant}' >${local.keymap}.new
    mv ${local.keymap}.new ${local.keymap}
  EOT
}

step "package" "image" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = local.packages
}

step "command" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  run        = local.make
  check      = local.made
  depends_on = [step.package.image]
}

# What they do at each boot has been done here, or is done by the steps.
step "service" "image" {
  for_each   = toset(var.image == null ? [] : ["console-setup", "keyboard-setup"])
  on         = var.image
  name       = each.key
  enabled    = false
  depends_on = [step.package.image]
}

step "package" "nodes" {
  on    = var.image == null ? var.nodes : []
  names = local.packages
}

step "command" "nodes" {
  on         = var.image == null ? var.nodes : []
  run        = local.make
  check      = local.made
  depends_on = [step.package.nodes]
}

step "file" "locale" {
  on         = var.nodes
  path       = "/etc/default/locale"
  content    = "LANG=${var.locale}\n"
  depends_on = [step.command.nodes]
}

step "file" "keyboard" {
  on         = var.nodes
  path       = "/etc/default/keyboard"
  content    = <<-EOT
    # Written by viver (builtin/locale).
    XKBMODEL="${var.model}"
    XKBLAYOUT="${var.keyboard}"
    XKBVARIANT="${var.variant}"
    XKBOPTIONS=""
    BACKSPACE="guess"
  EOT
  depends_on = [step.package.nodes]
}

# The console's keys. A machine without a screen has none.
step "command" "keys" {
  on         = var.nodes
  run        = <<-EOT
    if [ ! -e /dev/tty1 ]; then exit 0; fi
    mkdir -p /run/viver
    if [ ! -f /run/viver/keys ]; then
      dumpkeys --console=/dev/tty1 >/run/viver/keys.new
      mv /run/viver/keys.new /run/viver/keys
    fi
    loadkeys --unicode --quiet --console=/dev/tty1 ${local.keymap}
  EOT
  rerun_on   = local.keymap
  undo       = <<-EOT
    if [ ! -f /run/viver/keys ]; then exit 0; fi
    loadkeys --unicode --console=/dev/tty1 /run/viver/keys
    rm /run/viver/keys
  EOT
  depends_on = [step.file.keyboard, step.command.nodes]
}

step "file" "zone" {
  on         = var.zone == null ? [] : var.nodes
  path       = "/etc/timezone"
  content    = "${var.zone}\n"
  depends_on = [step.package.nodes]
}

step "link" "zone" {
  on         = var.zone == null ? [] : var.nodes
  path       = "/etc/localtime"
  target     = "/usr/share/zoneinfo/${var.zone}"
  depends_on = [step.package.nodes]
}
