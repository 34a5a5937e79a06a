# What the classroom's server has on its disk, which is made of the nodes' image: a lab has no way to packages.
step "package" "server" {
  on    = image.desk
  names = ["ldap-utils", "nfs-kernel-server", "openssl", "slapd"]
}

step "service" "server" {
  for_each   = toset(["nfs-server", "slapd"])
  on         = image.desk
  name       = each.key
  enabled    = false
  depends_on = [step.package.server]
}
