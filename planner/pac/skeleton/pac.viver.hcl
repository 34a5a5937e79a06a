# NAME: say in a line what it brings about.
viver {
  required_version = ">= 0.1"
}

variable "nodes" {
  type        = list(node)
  description = "The machines on which it acts."
}

variable "text" {
  type        = string
  default     = "This is"
  description = "What stands before the machine's name."
  validation {
    condition     = length(var.text) < 100
    error_message = "The text has less than 100 characters."
  }
}

step "file" "example" {
  on      = var.nodes
  path    = "/etc/NAME"
  content = "${var.text} ${self.name}\n"
}

output "path" {
  value       = "/etc/NAME"
  description = "The file that every machine has."
}
