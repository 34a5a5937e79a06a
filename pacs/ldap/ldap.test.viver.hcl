# A room with a directory of three users. The machines are simulated: viver test -C pacs/ldap
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
    ada   = { uid = 2001, group = "teachers", name = "Ada Lovelace" }
    brian = { uid = 2002, group = "pupils", name = "Brian O'Neill" }
  }
}

variable "passwords" {
  default = { ada = "$6$salt$hash" }
}

variable "members" {
  default = ["brian", "ada"]
}

pac "logins" {
  source = "./"
  server = server.seed
  nodes  = node.pc
  image  = image.desk
  domain = "room.example"
  groups = {
    teachers = { gid = 2100 }
    pupils   = { gid = 2200, members = var.members }
  }
  users     = var.users
  passwords = var.passwords
  homes     = "/srv/home"
}

run "a_server_and_two_nodes" {
  assert {
    condition     = pac.logins.base == "dc=room,dc=example" && pac.logins.uri == "ldaps://10.20.0.1/"
    error_message = "It is ${pac.logins.base} at ${pac.logins.uri}."
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logins.step.file.nslcd[1]"].content, "uri ldaps://10.20.0.1/\nbase dc=room,dc=example\ntls_reqcert demand\n")
    error_message = plan.arguments["pac.logins.step.file.nslcd[1]"].content
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logins.step.command.user[\"brian\"]"].run, "cn:: ${base64encode("Brian O'Neill")}\nuidNumber: 2002\ngidNumber: 2200\nhomeDirectory: /home/brian\n")
    error_message = plan.arguments["pac.logins.step.command.user[\"brian\"]"].run
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logins.step.command.user[\"brian\"]"].check, "(cn=Brian O\\27Neill)")
    error_message = plan.arguments["pac.logins.step.command.user[\"brian\"]"].check
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logins.step.command.group[\"pupils\"]"].run, "replace: memberUid\nmemberUid: ada\nmemberUid: brian\nLDIF\n")
    error_message = plan.arguments["pac.logins.step.command.group[\"pupils\"]"].run
  }
  assert {
    condition     = plan.arguments["pac.logins.step.directory.home[\"ada\"]"].path == "/srv/home/ada" && plan.arguments["pac.logins.step.directory.home[\"ada\"]"].owner == "2001"
    error_message = jsonencode(plan.arguments["pac.logins.step.directory.home[\"ada\"]"])
  }
}

run "one_user_more_touches_no_other_and_no_node" {
  variables {
    users = {
      ada   = { uid = 2001, group = "teachers", name = "Ada Lovelace" }
      brian = { uid = 2002, group = "pupils", name = "Brian O'Neill" }
      cleo  = { uid = 2003, group = "pupils" }
    }
  }
  assert {
    condition     = join(" ", sort(plan.create)) == "pac.logins.step.command.user[\"cleo\"] pac.logins.step.directory.home[\"cleo\"]"
    error_message = "It creates ${join(", ", plan.create)}."
  }
  assert {
    condition     = length(plan.update) + length(plan.replace) + length(plan.destroy) == 0
    error_message = jsonencode(plan)
  }
}

run "a_new_password_is_set" {
  command = plan
  variables {
    passwords = { ada = "$6$salt$other" }
  }
  assert {
    condition     = join(", ", plan.update) == "pac.logins.step.command.password[\"ada\"]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "no_plain_password" {
  variables {
    passwords = { ada = "secret" }
  }
  expect_failures = [pac.logins.var.passwords]
}

run "no_group_that_is_not_there" {
  variables {
    users     = { dora = { uid = 2004, group = "guests" } }
    passwords = {}
  }
  expect_failures = [pac.logins.var.users]
}
