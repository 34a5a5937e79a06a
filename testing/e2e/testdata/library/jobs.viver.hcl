# Jobs for all machines, of one user, whose files all machines have.
step "user" "anna" {
  on   = image.desk
  name = "anna"
  uid  = 2000
}

pac "files" {
  source  = "builtin/nfs"
  server  = local.hub
  clients = local.others
  network = network.room
  image   = image.desk
  exports = { "/srv/jobs" = "/srv/jobs" }
}

step "directory" "anna" {
  on    = local.hub
  path  = "/srv/jobs/anna"
  owner = "anna"
  # The folder that all mount is there before what is in it.
  depends_on = [pac.files]
}

pac "jobs" {
  source       = "builtin/slurm"
  server       = local.hub
  nodes        = node.pc
  image        = image.desk
  server_image = image.desk
  patience     = 15
  settings     = { MessageTimeout = "60" } # virtual machines are slow
}

# The machines of a lab share the cores of their host. Each may use so little of them that three have three times as much.
step "file" "share" {
  on      = image.desk
  path    = "/etc/systemd/system/slurmd.service.d/share.conf"
  content = "[Service]\nCPUQuota=25%\n"
}

pac "mpi" {
  source  = "builtin/mpi"
  nodes   = node.pc
  image   = image.desk
  network = network.room
}

step "file" "ring" {
  on      = image.desk
  path    = "/usr/local/src/ring.c"
  content = file("ring.c")
}

step "command" "ring" {
  on         = image.desk
  run        = "mpicc -O2 -o /usr/local/bin/ring /usr/local/src/ring.c"
  creates    = "/usr/local/bin/ring"
  rerun_on   = pac.mpi.packages
  depends_on = [step.file.ring]
}
