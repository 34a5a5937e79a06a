# A test that holds on simulated machines and in a lab: viver test --lab --var data_dir=FOLDER
lab {
  bios   = 1
  memory = 768
}

variable "data_dir" { default = "/var/lib/viver-test" }

network "room" {
  cidr      = ["10.20.0.0/16"]
  interface = "br0"
}

server "seed" {
  address  = "10.20.0.1"
  data_dir = var.data_dir
}

image "desk" {
  from        = "debian:bookworm"
  packages    = ["openssh-server"]
  kernel      = "linux-image-cloud-amd64"
  compression = 3
}

pac "boot" {
  source           = "builtin/netboot"
  server           = server.seed
  network          = network.room
  image            = image.desk
  bios             = "ipxe.pxe"
  kernel_arguments = "console=ttyS0 tsc=reliable"
}

node "pc" {
  boot = pac.boot
  name = "pc01"
}

step "file" "motd" {
  on      = node.pc
  path    = "/etc/motd"
  content = "hello ${self.name}\n"
}

run "up" {
  assert {
    condition     = node.pc.address != null
    error_message = "no address"
  }
}

run "nothing_to_do" {
  command = plan
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode(plan)
  }
}
