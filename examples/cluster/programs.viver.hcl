# Programs of the cluster's own, compiled while the image is built: so they are at the same place on each node.
locals {
  programs = {
    heat     = "mpicc"
    pingpong = "mpicc"
    pi       = "gcc"
  }
  libraries = { mpicc = "-lm", gcc = "-lpvm3 -lm" }
}

step "file" "program" {
  for_each = local.programs
  on       = image.compute
  path     = "/usr/local/src/${each.key}.c"
  content  = file("programs/${each.key}.c")
}

step "command" "compile" {
  for_each = local.programs
  on       = image.compute
  run      = "${each.value} -O2 -Wall -o /usr/local/bin/${each.key} '${step.file.program[each.key].path}' ${local.libraries[each.value]}"
  rerun_on = [step.file.program[each.key].content, pac.mpi.packages, pac.pvm.packages]
}
