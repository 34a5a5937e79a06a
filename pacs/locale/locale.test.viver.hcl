# A room of two machines with different keyboards: viver test -C pacs/locale
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

variable "locale" {
  default = "ja_JP.UTF-8"
}

pac "japanese" {
  source   = "./"
  nodes    = [node.pc[0]]
  image    = image.desk
  locale   = var.locale
  keyboard = "jp"
  model    = "jp106"
  zone     = "Asia/Tokyo"
}

pac "catalan" {
  source = "./"
  nodes  = [node.pc[1]]
  locale = "ca_ES.UTF-8@valencia"
}

run "each_machine_has_its_own" {
  assert {
    condition     = strcontains(plan.arguments["pac.japanese.step.command.image[0]"].run, "localedef -i ja_JP -f UTF-8 ja_JP.UTF-8;")
    error_message = plan.arguments["pac.japanese.step.command.image[0]"].run
  }
  assert {
    condition     = strcontains(plan.arguments["pac.catalan.step.command.nodes[1]"].run, "localedef -i ca_ES@valencia -f UTF-8 ca_ES.UTF-8@valencia;")
    error_message = join(" ", keys(plan.arguments))
  }
  assert {
    condition     = plan.arguments["pac.japanese.step.link.zone[0]"].target == "/usr/share/zoneinfo/Asia/Tokyo"
    error_message = join(" ", keys(plan.arguments))
  }
  assert {
    condition     = strcontains(plan.arguments["pac.japanese.step.file.keyboard[0]"].content, "XKBMODEL=\"jp106\"\nXKBLAYOUT=\"jp\"\n")
    error_message = plan.arguments["pac.japanese.step.file.keyboard[0]"].content
  }
}

run "nothing_to_do" {
  command = plan
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.destroy) == 0
    error_message = jsonencode(plan.update)
  }
}

run "no_language" {
  variables {
    locale = "german"
  }
  expect_failures = [pac.japanese.var.locale]
}
