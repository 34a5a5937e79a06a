# Names and passwords of a whole network in one place: OpenLDAP's slapd on a server, nslcd on the nodes, TLS between them.
viver {
  requires {
    distribution = ["debian"]
  }
}

variable "server" {
  type        = server
  description = "The machine that keeps the directory, on its disk."
}

variable "nodes" {
  type        = list(node)
  description = "The machines on which the users can log in."
}

variable "image" {
  type        = image
  default     = null
  description = "What the nodes boot: it gets the packages that they need. Without it they must be there."
}

variable "domain" {
  type        = string
  default     = "room.internal"
  description = "The directory's name: room.internal becomes dc=room,dc=internal."
  validation {
    condition     = can(regex("^[a-z0-9-]+([.][a-z0-9-]+)*$", var.domain))
    error_message = "A domain has lower-case letters, digits and hyphens, in parts with dots between them."
  }
}

variable "groups" {
  type = map(object({
    gid     = number
    members = optional(list(string), [])
  }))
  description = "By name: the number, and those who belong to it beside the users whose group it is."
  validation {
    condition     = alltrue([for name in keys(var.groups) : can(regex("^[a-z_][a-z0-9_-]{0,31}$", name))])
    error_message = "A group's name has lower-case letters, digits, _ and -, 32 at most, and begins with a letter."
  }
  validation {
    condition     = length(distinct([for g in values(var.groups) : g.gid])) == length(var.groups) && alltrue([for g in values(var.groups) : g.gid >= 1000])
    error_message = "Each group has a number of its own, from 1000 on: those below are the distribution's."
  }
}

variable "users" {
  type = map(object({
    uid   = number
    group = string
    name  = optional(string)
    home  = optional(string)
    shell = optional(string, "/bin/bash")
  }))
  default     = {}
  description = "By name: the number, the group, and if need be the full name, home folder and shell. Whom others put into the directory stays there."
  validation {
    condition     = alltrue([for name in keys(var.users) : can(regex("^[a-z_][a-z0-9_-]{0,31}$", name))])
    error_message = "A user's name has lower-case letters, digits, _ and -, 32 at most, and begins with a letter."
  }
  validation {
    condition     = length(distinct([for u in values(var.users) : u.uid])) == length(var.users) && alltrue([for u in values(var.users) : u.uid >= 1000])
    error_message = "Each user has a number of his own, from 1000 on: those below are the distribution's."
  }
  validation {
    condition     = alltrue([for u in values(var.users) : contains(keys(var.groups), u.group)])
    error_message = "A user's group is one of groups."
  }
  validation {
    condition     = alltrue([for u in values(var.users) : can(regex("^[^\\\\()*[:cntrl:]]+$", coalesce(u.name, "x")))])
    error_message = "A full name has no parentheses, asterisks, backslashes and line breaks."
  }
}

variable "passwords" {
  type        = map(string)
  default     = {}
  sensitive   = true
  description = "By user: the first password as a hash, as `openssl passwd -6` prints it. It is set when it is new here; until then whatever the user has set stays."
  validation {
    condition     = alltrue([for name, hash in var.passwords : contains(keys(var.users), name) && can(regex("^([$][!-~]+|[{][A-Z0-9-]+[}][!-~]+)$", hash))])
    error_message = "Passwords are hashes, as `openssl passwd -6` or `slappasswd` prints them, of users that there are."
  }
}

variable "homes" {
  type        = string
  default     = null
  description = "Folder on the server in which each user gets one, named like him: what the nodes mount as /home. Unset: none are made."
}

locals {
  base   = join(",", [for part in split(".", var.domain) : "dc=${part}"])
  host   = strcontains(var.server.address, ":") ? "[${var.server.address}]" : var.server.address
  folder = "/etc/ldap/viver"
  # root on the server is the directory's administrator, by the local socket: there is no password of it anywhere.
  tool = "-Q -Y EXTERNAL -H ldapi:///"
  groups = { for name, g in var.groups : name => {
    dn      = "cn=${name},ou=groups,${local.base}"
    gid     = g.gid
    members = sort(g.members)
  } }
  users = { for name, u in var.users : name => {
    dn    = "uid=${name},ou=people,${local.base}"
    uid   = u.uid
    gid   = var.groups[u.group].gid
    name  = coalesce(u.name, name)
    home  = coalesce(u.home, "/home/${name}")
    shell = u.shell
  } }
}

step "package" "server" {
  on    = var.server
  names = ["ldap-utils", "openssl", "slapd"]
}

step "directory" "settings" {
  on         = var.server
  path       = local.folder
  depends_on = [step.package.server]
}

# Comes before Debian's settings are replaced, so that it is taken back after they are there again.
step "command" "former" {
  on         = var.server
  run        = "service slapd status >/dev/null 2>&1 || : >${local.folder}/stopped"
  undo       = "if [ -e ${local.folder}/stopped ]; then service slapd stop; else service slapd restart; fi; rm -f ${local.folder}/stopped"
  depends_on = [step.directory.settings]
}

# The key is made where it is used, and never leaves that machine.
step "command" "key" {
  on         = var.server
  run        = <<-EOT
    cd ${local.folder}
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7300 -subj /CN=${var.server.name} \
      -addext subjectAltName=IP:${var.server.address},DNS:${var.server.name} -keyout key.new -out certificate.new
    chown openldap key.new
    chmod 644 certificate.new
    mv key.new key.pem
    mv certificate.new certificate.pem
  EOT
  creates    = "${local.folder}/certificate.pem"
  rerun_on   = [var.server.address, var.server.name]
  undo       = "rm -f ${local.folder}/key.pem ${local.folder}/certificate.pem"
  depends_on = [step.directory.settings]
}

step "fact" "certificate" {
  on         = var.server
  run        = "cat ${local.folder}/certificate.pem"
  depends_on = [step.command.key]
}

step "directory" "database" {
  on         = var.server
  path       = "/var/lib/ldap/viver"
  mode       = "0700"
  owner      = "openldap"
  group      = "openldap"
  depends_on = [step.package.server]
}

step "file" "settings" {
  on         = var.server
  path       = "${local.folder}/slapd.conf"
  content    = <<-EOT
    # Written by viver (builtin/ldap).
    include /etc/ldap/schema/core.schema
    include /etc/ldap/schema/cosine.schema
    include /etc/ldap/schema/inetorgperson.schema
    include /etc/ldap/schema/nis.schema
    modulepath /usr/lib/ldap
    moduleload back_mdb
    pidfile /run/slapd/slapd.pid
    TLSCertificateFile ${local.folder}/certificate.pem
    TLSCertificateKeyFile ${local.folder}/key.pem
    authz-regexp gidNumber=0[+]uidNumber=0,cn=peercred,cn=external,cn=auth cn=admin,${local.base}
    database mdb
    suffix ${local.base}
    rootdn cn=admin,${local.base}
    directory ${step.directory.database.path}
    maxsize 1073741824
    index objectClass,uid,uidNumber,gidNumber,memberUid eq
    access to attrs=userPassword by self =xw by anonymous auth by * none
    access to * by * read
  EOT
  depends_on = [step.command.former]
}

# No plain ldap:// at all.
step "file" "defaults" {
  on         = var.server
  path       = "/etc/default/slapd"
  content    = <<-EOT
    # Written by viver (builtin/ldap).
    SLAPD_CONF=${step.file.settings.path}
    SLAPD_USER=openldap
    SLAPD_GROUP=openldap
    SLAPD_SERVICES="ldaps://${local.host}/ ldapi:///"
  EOT
  depends_on = [step.command.former]
}

step "command" "restart" {
  on         = var.server
  run        = "service slapd restart"
  rerun_on   = [step.file.settings.content, step.file.defaults.content, step.fact.certificate.value]
  undo       = ":"
  depends_on = [step.directory.database]
}

step "service" "server" {
  on         = var.server
  name       = "slapd"
  enabled    = true
  running    = true
  depends_on = [step.command.restart]
}

step "command" "tree" {
  on         = var.server
  check      = "ldapsearch ${local.tool} -LLL -b ou=groups,${local.base} -s base dn"
  run        = <<-EOT
    ldapadd ${local.tool} -c <<'LDIF' || [ $? = 68 ]
    dn: ${local.base}
    objectClass: dcObject
    objectClass: organization
    dc: ${split(".", var.domain)[0]}
    o: ${var.domain}

    dn: ou=people,${local.base}
    objectClass: organizationalUnit
    ou: people

    dn: ou=groups,${local.base}
    objectClass: organizationalUnit
    ou: groups
    LDIF
  EOT
  undo       = ":"
  depends_on = [step.service.server]
}

step "command" "group" {
  for_each   = local.groups
  on         = var.server
  check      = <<-EOT
    found=$(ldapsearch ${local.tool} -LLL -b ${each.value.dn} -s base '(gidNumber=${each.value.gid})' memberUid)
    [ -n "$found" ] && [ "$(printf '%s\n' "$found" | sed -n 's/^memberUid: //p' | sort | tr '\n' ' ')" = '${join("", [for m in each.value.members : "${m} "])}' ]
  EOT
  run        = <<-EOT
    ldapadd ${local.tool} <<'LDIF' || [ $? = 68 ]
    dn: ${each.value.dn}
    objectClass: posixGroup
    cn: ${each.key}
    gidNumber: ${each.value.gid}
    LDIF
    ldapmodify ${local.tool} <<'LDIF'
    dn: ${each.value.dn}
    changetype: modify
    replace: gidNumber
    gidNumber: ${each.value.gid}
    -
    replace: memberUid${join("", [for m in each.value.members : "\nmemberUid: ${m}"])}
    LDIF
  EOT
  undo       = "ldapdelete ${local.tool} ${each.value.dn} || [ $? = 32 ]"
  depends_on = [step.command.tree]
}

step "command" "user" {
  for_each   = local.users
  on         = var.server
  check      = <<-EOT
    ldapsearch ${local.tool} -LLL -b ${each.value.dn} -s base '(&(uidNumber=${each.value.uid})(gidNumber=${each.value.gid})(cn=${replace(each.value.name, "'", "\\27")})(homeDirectory=${each.value.home})(loginShell=${each.value.shell}))' dn | grep -q '^dn'
  EOT
  run        = <<-EOT
    ldapadd ${local.tool} <<'LDIF' || [ $? = 68 ]
    dn: ${each.value.dn}
    objectClass: account
    objectClass: posixAccount
    uid: ${each.key}
    cn:: ${base64encode(each.value.name)}
    uidNumber: ${each.value.uid}
    gidNumber: ${each.value.gid}
    homeDirectory: ${each.value.home}
    LDIF
    ldapmodify ${local.tool} <<'LDIF'
    dn: ${each.value.dn}
    changetype: modify
    replace: cn
    cn:: ${base64encode(each.value.name)}
    -
    replace: uidNumber
    uidNumber: ${each.value.uid}
    -
    replace: gidNumber
    gidNumber: ${each.value.gid}
    -
    replace: homeDirectory
    homeDirectory: ${each.value.home}
    -
    replace: loginShell
    loginShell: ${each.value.shell}
    LDIF
  EOT
  undo       = "ldapdelete ${local.tool} ${each.value.dn} || [ $? = 32 ]"
  depends_on = [step.command.group]
}

# Goes by standard input, as all steps do. It is run when the password here is another one than before, so that users can change theirs.
step "command" "password" {
  for_each   = toset(nonsensitive(keys(var.passwords)))
  on         = var.server
  run        = <<-EOT
    ldapmodify ${local.tool} <<'LDIF'
    dn: ${local.users[each.key].dn}
    changetype: modify
    replace: userPassword
    userPassword:: ${base64encode(startswith(var.passwords[each.key], "$") ? "{CRYPT}${var.passwords[each.key]}" : var.passwords[each.key])}
    LDIF
  EOT
  undo       = ":"
  depends_on = [step.command.user]
}

# What is in a home stays when the user goes.
step "directory" "home" {
  for_each = var.homes == null ? {} : local.users
  on       = var.server
  path     = "${var.homes}/${each.key}"
  mode     = "0700"
  owner    = tostring(each.value.uid)
  group    = tostring(each.value.gid)
}

# In an image nslcd does not start by itself: it has nobody to ask yet.
step "package" "nodes" {
  count = var.image == null ? 0 : 1
  on    = var.image
  names = ["libnss-ldapd", "libpam-ldapd", "nslcd"]
}

step "service" "image" {
  count      = var.image == null ? 0 : 1
  on         = var.image
  name       = "nslcd"
  enabled    = false
  depends_on = [step.package.nodes]
}

step "file" "certificate" {
  on      = var.nodes
  path    = "/etc/ldap/viver.pem"
  content = "${step.fact.certificate.value}\n"
}

step "file" "nslcd" {
  on      = var.nodes
  path    = "/etc/nslcd.conf"
  content = <<-EOT
    # Written by viver (builtin/ldap).
    uid nslcd
    gid nslcd
    uri ldaps://${local.host}/
    base ${local.base}
    tls_reqcert demand
    tls_cacertfile /etc/ldap/viver.pem
    bind_timelimit 5
    timelimit 10
    reconnect_retrytime 5
    nss_initgroups_ignoreusers ALLLOCAL
    nss_min_uid 1000
  EOT
  mode    = "0640"
  group   = "nslcd"
}

step "command" "nslcd" {
  on         = var.nodes
  run        = "service nslcd restart"
  rerun_on   = [step.fact.certificate.value, local.base, var.server.address]
  undo       = "service nslcd stop"
  depends_on = [step.file.certificate, step.file.nslcd, step.service.server]
}

step "service" "nslcd" {
  on         = var.nodes
  name       = "nslcd"
  running    = true
  depends_on = [step.command.nslcd]
}

step "command" "names" {
  on         = var.nodes
  check      = "[ \"$(grep -Ec '^(passwd|group):.* ldap' /etc/nsswitch.conf)\" = 2 ]"
  run        = "sed -i -E '/^(passwd|group):/{/ ldap/!s/$/ ldap/}' /etc/nsswitch.conf"
  undo       = "sed -i -E '/^(passwd|group):/s/ ldap$//' /etc/nsswitch.conf"
  depends_on = [step.service.nslcd]
}

output "base" {
  value       = local.base
  description = "Where the directory begins: \"dc=room,dc=internal\"."
}

output "uri" {
  value       = "ldaps://${local.host}/"
  description = "Where it is asked."
}

output "certificate" {
  value       = step.fact.certificate.value
  description = "The server's certificate (PEM), by which others know it."
}
