# What scratch and swap are given: viver test -C pacs/marked
variable "marker" {
  default = "use-me.txt"
}

pac "marked" {
  source = "./"
  marker = var.marker
}

run "the_script_looks_for_the_marker" {
  assert {
    condition     = startswith(pac.marked.script, "marker=use-me.txt\n") && strcontains(pac.marked.script, "\nmarked() {\n")
    error_message = pac.marked.script
  }
}

run "a_name_is_no_path" {
  variables {
    marker = "../use-me.txt"
  }
  expect_failures = [pac.marked.var.marker]
}
