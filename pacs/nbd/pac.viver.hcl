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

step "unit" "nbd" {
  on   = var.server
  unit = "nbd"
  config = {
    listen = "${var.server.address}:${var.port}"
    images = [var.image.id]
  }
}

output "address" {
  value       = "${var.server.address}:${var.port}"
  description = "Where the blocks are, host:port."
}
