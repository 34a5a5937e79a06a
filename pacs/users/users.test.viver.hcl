# Two users on a server and two nodes: viver test -C pacs/users
network "lab" {
  cidr = ["10.20.0.0/16"]
}

server "seed" {
  address = "10.20.0.1"
}

image "desk" {
  from = "debian:bookworm"
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

variable "users" {
  default = {
    ada = { uid = 2001, keys = ["ssh-ed25519 AAAA ada"] }
    bob = { uid = 2002, group = "users", groups = ["lab"], home = "/srv/bob" }
  }
}

variable "passwords" {
  default = { bob = "$6$salt$hash" }
}

pac "people" {
  source    = "./"
  machines  = concat([server.seed], node.pc)
  users     = var.users
  groups    = { lab = 2100 }
  passwords = var.passwords
}

run "everywhere" {
  assert {
    condition     = plan.arguments["pac.people.step.user.user[\"ada/seed\"]"].group == "ada" && plan.arguments["pac.people.step.group.group[\"ada/1\"]"].gid == 2001
    error_message = jsonencode(plan.arguments["pac.people.step.user.user[\"ada/seed\"]"])
  }
  assert {
    condition     = plan.arguments["pac.people.step.user.user[\"bob/1\"]"].groups == tolist(["lab"]) && plan.arguments["pac.people.step.user.user[\"bob/1\"]"].home == "/srv/bob"
    error_message = jsonencode(plan.arguments["pac.people.step.user.user[\"bob/1\"]"].groups)
  }
  assert {
    condition     = issensitive(plan.arguments["pac.people.step.user.user[\"bob/0\"]"].password_hash)
    error_message = "The hash can be seen."
  }
  assert {
    condition     = plan.arguments["pac.people.step.file.keys[\"ada/0\"]"].path == "/home/ada/.ssh/authorized_keys" && plan.arguments["pac.people.step.file.keys[\"ada/0\"]"].owner == "ada"
    error_message = jsonencode(plan.arguments["pac.people.step.file.keys[\"ada/0\"]"])
  }
}

run "one_goes" {
  variables {
    users     = { ada = { uid = 2001, keys = ["ssh-ed25519 AAAA ada"] } }
    passwords = {}
  }
  assert {
    condition     = length(plan.destroy) == 3 && length(plan.create) + length(plan.update) + length(plan.replace) == 0
    error_message = jsonencode(plan)
  }
}

run "one_number_twice" {
  variables {
    users = { ada = { uid = 2001 }, bob = { uid = 2001 } }
  }
  expect_failures = [pac.people.var.users]
}

run "no_plain_password" {
  variables {
    passwords = { bob = "secret" }
  }
  expect_failures = [pac.people.var.passwords]
}
