# NAME: say in a line what it brings about.
viver {
  required_version = ">= 0.1"
  requires {
    distribution = ["debian"] # also packages and kernel_modules that must be there
  }
}

variable "nodes" {
  type        = list(machine)
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
  depends_on  = [step.file.example] # who uses it waits until it is there
}
