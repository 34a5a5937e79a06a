# The Pac on real machines, which do what a person would: viver pac test NAME --lab. Without --lab they are simulated, as everywhere.
lab {
  bios = 2
}

network "lab" {
  cidr      = ["10.20.0.0/16"]
  interface = "br0" # of the lab's host
}

server "seed" {
  address  = "10.20.0.1"
  data_dir = "/var/lib/viver-test-NAME"
}

image "desk" {
  from        = "debian:bookworm"
  compression = 3
}

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

node "pc" {
  count = 2
  boot  = pac.boot
  name  = "pc${count.index + 1}"
}

pac "NAME" {
  source = "./"
  nodes  = node.pc
}

step "fact" "seen" {
  on  = node.pc
  run = "cat ${pac.NAME.path}"
}

mock "step.fact.seen[1]" {
  values = { value = "This is pc2" }
}

run "each_machine_reads_its_own" {
  assert {
    condition     = step.fact.seen[1].value == "This is pc2"
    error_message = "pc2 reads ${step.fact.seen[1].value}"
  }
}
