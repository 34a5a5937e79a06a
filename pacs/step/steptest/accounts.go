package steptest

// Hash is that of the password "viver", by SHA-512 with the salt "salt".
const Hash = "$6$salt$FjXmXAM6BG6UF7uEFA9MxZbjU9jM9..E2rMc5tTtsEZUwtZzjgqDKr7J9dwpkpkjZwGYY4d5xNMTVVGSqzX8e1"

// The accounts that an example finds.
const (
	passwd  = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
	group   = "root:x:0:\ndaemon:x:1:\naudio:x:29:daemon\n"
	shadow  = "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"
	gshadow = "root:*::\ndaemon:*::\naudio:*::daemon\n"
)

// Accounts are the files of accounts that examples find, and a skeleton of home folders.
func Accounts() map[string]string {
	return map[string]string{"etc/passwd": passwd, "etc/group": group, "etc/shadow": shadow, "etc/gshadow": gshadow, "etc/skel/.profile": "umask 022\n"}
}

func groups() map[string]Example {
	return map[string]Example{
		"group": {
			Type: "group", Root: true, Before: Accounts(), Config: `{"name":"pupils","gid":5000}`,
			After: map[string]string{"etc/group": group + "pupils:x:5000:\n", "etc/gshadow": gshadow + "pupils:!::\n"},
		},
		"group, any number": {
			Type: "group", Root: true, Before: Accounts(), Config: `{"name":"pupils"}`,
			After: map[string]string{"etc/group": group + "pupils:x:1000:\n"},
		},
		"group, there already": {
			Type: "group", Root: true, Before: Accounts(), Config: `{"name":"audio","gid":63}`,
			After: map[string]string{"etc/group": "root:x:0:\ndaemon:x:1:\naudio:x:63:daemon\n", "etc/gshadow": gshadow},
		},
	}
}

func users() map[string]Example {
	return map[string]Example{
		"user": {
			Type: "user", Root: true, Before: Accounts(),
			Config: `{"name":"ada","uid":2000,"groups":["audio"],"home":"/srv/people/ada","shell":"/bin/sh","password_hash":"` + Hash + `"}`,
			After: map[string]string{
				"etc/passwd":              passwd + "ada:x:2000:2000::/srv/people/ada:/bin/sh\n",
				"etc/shadow":              shadow + "ada:" + Hash + ":::::::\n",
				"etc/group":               "root:x:0:\ndaemon:x:1:\naudio:x:29:daemon,ada\nada:x:2000:\n",
				"etc/gshadow":             "root:*::\ndaemon:*::\naudio:*::daemon,ada\nada:!::\n",
				"srv/people/ada/.profile": "umask 022\n",
			},
		},
		"user, a service's": {
			Type: "user", Root: true, Before: Accounts(), Config: `{"name":"munge","group":"daemon","home":"/var/lib/munge","system":true}`,
			After: map[string]string{"etc/shadow": shadow + "munge:*:::::::\n", "etc/group": group},
		},
		"user, there already": {
			Type: "user", Root: true, Before: Accounts(),
			Config: `{"name":"daemon","uid":7,"shell":"/bin/sh","password_hash":"!","create_home":false}`,
			After: map[string]string{
				"etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:7:1:daemon:/usr/sbin:/bin/sh\n",
				"etc/shadow": "root:*:19000:0:99999:7:::\ndaemon:!:19000:0:99999:7:::\n",
			},
		},
	}
}
