# A small room for the Pac. The machines are simulated: viver pac test NAME
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

variable "text" {
  default = "This is"
}

pac "NAME" {
  source = "./"
  nodes  = node.pc
  text   = var.text
}

run "each_machine_has_the_file" {
  assert {
    condition     = plan.arguments["pac.NAME.step.file.example[1]"].content == "This is pc2\n"
    error_message = "It says ${plan.arguments["pac.NAME.step.file.example[1]"].content}"
  }
  assert {
    condition     = pac.NAME.path == "/etc/NAME"
    error_message = "The file is ${pac.NAME.path}."
  }
}

run "a_file_that_changed_is_mended" {
  command = plan
  world {
    drifted = ["pac.NAME.step.file.example[0]"]
  }
  assert {
    condition     = join(", ", plan.update) == "pac.NAME.step.file.example[0]"
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "a_long_text_is_refused" {
  variables {
    text = join("", [for n in range(100) : "x"])
  }
  expect_failures = [pac.NAME.var.text]
}
