# The machines are simulated: viver test -C examples/classroom
run "all_forty" {
  assert {
    condition     = length(node.pc) == 40 && length(plan.destroy) == 0
    error_message = "There are ${length(node.pc)} PCs."
  }
  assert {
    condition     = node.pc["pc40"].mac == "02:00:0a:14:00:28"
    error_message = node.pc["pc40"].mac
  }
  assert {
    condition     = length([for a in plan.create : a if strcontains(a, ".step.mount.")]) == 40
    error_message = "Not every PC mounts the homes, or one of them does more."
  }
  assert {
    condition     = strcontains(plan.arguments["pac.logins.step.command.user[\"ben\"]"].check, "(cn=Ben O\\27Neill)")
    error_message = plan.arguments["pac.logins.step.command.user[\"ben\"]"].check
  }
  assert {
    condition     = plan.arguments["step.file.motd[\"pc17\"]"].content == "This is pc17, in row 3. Your files are in /home, on the server.\n"
    error_message = plan.arguments["step.file.motd[\"pc17\"]"].content
  }
}

run "nothing_is_left_to_do" {
  command = plan
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.replace) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.replace, plan.destroy])
  }
}

run "one_pc_has_started_again_and_lost_its_mount" {
  command = plan
  world {
    rebooted = ["node.pc[\"pc07\"]"]
    drifted  = ["pac.home.step.mount.folder[\"srv-home/pc07\"]"]
  }
  assert {
    condition     = contains(plan.update, "pac.home.step.mount.folder[\"srv-home/pc07\"]") && length([for a in plan.update : a if !strcontains(a, "pc07")]) == 0
    error_message = "It updates ${join(", ", plan.update)}."
  }
}

run "three_pcs" {
  variables {
    nodes = 3
  }
  assert {
    condition     = length(node.pc) == 3 && length([for a in plan.destroy : a if startswith(a, "node.pc")]) == 37
    error_message = "There are ${length(node.pc)} PCs."
  }
}

run "more_than_there_are" {
  variables {
    nodes = 41
  }
  expect_failures = [var.nodes]
}
