# A step of each type on a node with systemd. What is not in its image was put there by hand.
step "package" "it" {
  on    = node.pc[0]
  names = ["viver-demo"]
}

step "fact" "it" {
  on  = node.pc[0]
  run = "cat /proc/1/comm"
}

step "secret" "it" {
  on  = node.pc[0]
  run = "echo sesame"
}

step "file" "it" {
  on      = node.pc[0]
  path    = "/srv/types/a b/it's"
  content = "${step.fact.it.value} says ${step.secret.it.value}\n"
  mode    = "0640"
  owner   = step.user.it.name
  group   = step.group.it.name
}

step "file" "over" {
  on      = node.pc[0]
  path    = "/etc/issue"
  content = "another\n"
}

step "directory" "it" {
  on   = node.pc[0]
  path = "/srv/types/folder"
  mode = "1777"
}

step "link" "it" {
  on     = node.pc[0]
  path   = "/srv/types/link"
  target = "folder"
}

step "group" "it" {
  on   = node.pc[0]
  name = "pupils"
  gid  = 5000
}

step "user" "it" {
  on            = node.pc[0]
  name          = "ada"
  uid           = 2000
  groups        = ["audio", step.group.it.name]
  password_hash = "$6$salt$FjXmXAM6BG6UF7uEFA9MxZbjU9jM9..E2rMc5tTtsEZUwtZzjgqDKr7J9dwpkpkjZwGYY4d5xNMTVVGSqzX8e1"
}

step "service" "it" {
  on      = node.pc[0]
  name    = "viver-demo"
  enabled = true
  running = true
}

step "service" "off" {
  on      = node.pc[0]
  name    = "viver-other"
  enabled = false
  running = false
}

step "mount" "it" {
  on         = node.pc[0]
  path       = "/srv/types/mount"
  source     = "scratch"
  type       = "tmpfs"
  options    = ["nosuid", "size=1m"]
  persistent = true
}

step "sysctl" "it" {
  on    = node.pc[0]
  name  = "net.ipv4.ip_local_port_range"
  value = "20000 60999"
}

step "kernel_module" "it" {
  on      = node.pc[0]
  name    = "dummy"
  options = ["numdummies=0"]
}

step "wait_for" "it" {
  on         = node.pc[0]
  path       = "/srv/types/link"
  timeout    = "1m"
  depends_on = [step.link.it]
}

step "command" "it" {
  on         = node.pc[0]
  run        = "echo run >>/srv/types/command"
  creates    = "/srv/types/command"
  undo       = "rm /srv/types/command"
  depends_on = [step.wait_for.it]
}
