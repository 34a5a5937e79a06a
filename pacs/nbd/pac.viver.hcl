# The blocks of a shared root, by NBD.
variable "server" {
  type        = server
  description = "The machine that serves; it must have the image."
}

variable "image" {
  type        = image
  description = "The image whose blocks are served."
}

variable "port" {
  type        = number
  default     = 10809
  description = "TCP port."
  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

variable "gossip_port" {
  type        = number
  default     = 10812
  description = "UDP and TCP port at which machines that share the root tell who lives."
  validation {
    condition     = var.gossip_port >= 1 && var.gossip_port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

step "unit" "nbd" {
  on   = var.server
  unit = "nbd"
  config = {
    listen = "${var.server.address}:${var.port}"
    images = [var.image.id]
    gossip = var.gossip_port
  }
}

output "address" {
  value       = "${var.server.address}:${var.port}"
  description = "Where the blocks are, host:port."
}
