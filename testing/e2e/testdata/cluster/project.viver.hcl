# Beside examples/cluster: the source of a C project, for distcc.
step "command" "project" {
  on  = image.compute
  run = <<-EOT
    cd /usr/local/src
    /usr/lib/apt/apt-helper download-file http://deb.debian.org/debian/pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz lua.tar.gz SHA256:164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61
    tar xzf lua.tar.gz --no-same-owner
    rm lua.tar.gz
  EOT
}
