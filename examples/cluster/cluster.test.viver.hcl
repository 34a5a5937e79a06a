# The cluster on simulated machines.
mock "node.pc" {
  values = { facts = { cores = 4 } }
}

run "eight_nodes" {
  assert {
    condition     = length(node.pc) == 8 && output.slots == 32
    error_message = "There are ${length(node.pc)} nodes and ${output.slots} slots."
  }
}

run "nothing_to_do" {
  command = plan
  assert {
    condition     = length(plan.create) + length(plan.update) + length(plan.replace) + length(plan.destroy) == 0
    error_message = jsonencode([plan.create, plan.update, plan.replace, plan.destroy])
  }
  assert {
    condition     = alltrue([for n, pc in node.pc : strcontains(plan.arguments["pac.hosts.step.command.name[\"${n}/7\"]"].run, "echo '${pc.address} ${pc.name} #")])
    error_message = plan.arguments["pac.hosts.step.command.name[\"0/7\"]"].run
  }
}

run "a_rebooted_node_has_its_steps" {
  command = plan
  world {
    rebooted = ["node.pc[3]"]
  }
  assert {
    condition     = length(plan.create) + length(plan.update) == 0
    error_message = jsonencode([plan.create, plan.update])
  }
}

run "a_smaller_cluster" {
  variables {
    nodes = 3
  }
  assert {
    condition     = length(plan.destroy) > 0 && contains(plan.destroy, "node.pc[7]") && output.slots == 12
    error_message = jsonencode(plan.destroy)
  }
}
