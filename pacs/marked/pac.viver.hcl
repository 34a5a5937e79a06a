# Finds the file systems on a machine's own disks that carry a marker file. Part of scratch and swap; alone it does nothing.
variable "marker" {
  type        = string
  default     = "viver-disk.txt"
  description = "Name of the file, in a file system's topmost folder."
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", var.marker))
    error_message = "The name has letters, digits, dots, hyphens and underscores, and begins with a letter or a digit."
  }
}

output "script" {
  value       = "marker=${var.marker}\n${file("files/find.sh")}"
  description = "Shell functions: `disks` prints the names of local disks, `marked WORD` a line DEVICE TYPE NEXT for each one whose marker has a line WORD NEXT."
}
