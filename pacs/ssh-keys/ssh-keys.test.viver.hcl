# Keys for nodes on simulated machines.
network "lab" { cidr = ["10.20.0.0/16"] }
server "seed" {
  address  = "10.20.0.1"
  data_dir = "/srv/viver"
}
image "desk" { from = "debian:bookworm" }

pac "boot" {
  source  = "builtin/netboot"
  server  = server.seed
  network = network.lab
  image   = image.desk
}

variable "nodes" {
  default = 2
}

variable "user" {
  default = "cluster"
}

variable "create_user" {
  default = true
}

node "pc" {
  count = var.nodes
  boot  = pac.boot
  name  = format("pc%02d", count.index + 1)
}

pac "ssh" {
  source      = "./"
  server      = server.seed
  nodes       = node.pc
  image       = image.desk
  user        = var.user
  create_user = var.create_user
}

mock "pac.ssh.step.fact.host[\"pc01\"]" {
  values = { value = "ssh-ed25519 ONE" }
}

mock "pac.ssh.step.fact.host[\"pc02\"]" {
  values = { value = "ssh-ed25519 TWO" }
}

mock "pac.ssh.step.secret.host[\"pc01\"]" {
  values = { value = "private one" }
}

run "the_second_does_not_come" {
  world {
    failing = ["node.pc[1]"]
  }
  expect_failures = [node.pc[1]]
}

run "the_first_went_on_and_now_it_comes" {
  command = plan
  assert {
    condition     = contains(plan.create, "pac.ssh.step.file.host_key[1]") && alltrue([for a in plan.create : strcontains(a, "[1]")])
    error_message = jsonencode(plan.create)
  }
  assert {
    condition     = length(plan.update) == 0
    error_message = jsonencode(plan.update)
  }
}

run "up" {
  assert {
    condition     = pac.ssh.known_hosts == "pc01 ssh-ed25519 ONE\npc02 ssh-ed25519 TWO\n"
    error_message = pac.ssh.known_hosts
  }
}

run "each_node_has_its_own_key_and_knows_all" {
  command = plan
  assert {
    condition     = plan.arguments["pac.ssh.step.file.known_hosts[1]"].content == pac.ssh.known_hosts
    error_message = plan.arguments["pac.ssh.step.file.known_hosts[1]"].content
  }
  assert {
    condition     = nonsensitive(plan.arguments["pac.ssh.step.file.host_key[0]"].content) == "private one\n"
    error_message = "pc01 has another key"
  }
  assert {
    condition     = issensitive(plan.arguments["pac.ssh.step.file.host_key[0]"].content) && issensitive(plan.arguments["pac.ssh.step.file.user_key[0]"].content)
    error_message = "a private key is no secret"
  }
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.destroy])
  }
}

run "no_host_is_trusted_unseen" {
  command = plan
  assert {
    condition     = strcontains(plan.arguments["pac.ssh.step.file.ssh[0]"].content, "Match host pc01,pc02\n  StrictHostKeyChecking yes\n")
    error_message = plan.arguments["pac.ssh.step.file.ssh[0]"].content
  }
}

run "keys_that_are_lost_are_made_again" {
  command = plan
  world {
    drifted = ["pac.ssh.step.command.keys", "pac.ssh.step.command.host[\"pc02\"]"]
  }
  assert {
    condition     = contains(plan.update, "pac.ssh.step.command.keys") && contains(plan.update, "pac.ssh.step.command.host[\"pc02\"]") && !contains(plan.update, "pac.ssh.step.command.host[\"pc01\"]")
    error_message = jsonencode(plan.update)
  }
}

run "a_third_node" {
  variables {
    nodes = 3
  }
  assert {
    condition     = contains(plan.update, "pac.ssh.step.file.known_hosts[0]") && !contains(plan.update, "pac.ssh.step.file.host_key[0]")
    error_message = jsonencode(plan.update)
  }
}

run "a_user_that_somebody_else_makes" {
  command = plan
  variables {
    user        = "ann"
    create_user = false
  }
  assert {
    condition     = contains(plan.destroy, "pac.ssh.step.user.user[\"image\"]") && plan.arguments["pac.ssh.step.file.user_key[0]"].owner == "ann"
    error_message = jsonencode(plan.destroy)
  }
}

run "no_name_of_a_user" {
  command = plan
  variables {
    user = "x y"
  }
  expect_failures = [pac.ssh]
}
