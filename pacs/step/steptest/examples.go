package steptest

import "maps"

// Example is a step of one type, with what it finds and what it leaves.
type Example struct {
	Type   string
	Config string // @ is the machine's prefix
	Root   bool   // it needs a root of its own, as it touches what is not below the prefix
	Tools  bool   // it needs a machine that can be given another modprobe
	Before map[string]string
	After  map[string]string // what files hold then
	Keeps  bool              // undo leaves something, on purpose
	Same   bool              // nothing is to be done
	Value  string            // what a fact finds out
}

// Examples returns steps of all types but service and package, which are other ones on each machine.
func Examples() map[string]Example {
	all := map[string]Example{}
	for _, some := range []map[string]Example{files(), scripts(), kernel(), mounts(), groups(), users()} {
		maps.Copy(all, some)
	}
	return all
}

func files() map[string]Example {
	return map[string]Example{
		"file, new": {
			Type: "file", Config: `{"path":"@/etc/motd","content":"hello 'pc01'\n","mode":"0600"}`,
			After: map[string]string{"etc/motd": "hello 'pc01'\n"},
		},
		"file, any bytes": {
			Type: "file", Config: `{"path":"@/a b/it's $(odd)","content":"\u0000\u0001'\"\\$(id)` + "`id`" + `\r\n%s é\n\n"}`,
			After: map[string]string{"a b/it's $(odd)": "\x00\x01'\"\\$(id)`id`\r\n%s é\n\n"},
		},
		"file, of a file": {
			Type: "file", Config: `{"path":"@/logo","source":"/wCJUE5HDQo="}`, After: map[string]string{"logo": "\xff\x00\x89PNG\r\n"},
		},
		"file, empty":     {Type: "file", Config: `{"path":"@/empty","content":""}`, After: map[string]string{"empty": ""}},
		"file, in deeper": {Type: "file", Config: `{"path":"@/x/y/z","content":"1"}`, After: map[string]string{"x/y/z": "1"}},
		"file, over another": {
			Type: "file", Config: `{"path":"@/srv/hostname","content":"pc01\n"}`,
			Before: map[string]string{"srv/hostname": "debian\n"}, After: map[string]string{"srv/hostname": "pc01\n"},
		},
		"file, over a link": {
			Type: "file", Config: `{"path":"@/srv/resolv.conf","content":"nameserver ::1\n"}`,
			Before: map[string]string{"srv/resolv.conf": "-> /nowhere"}, After: map[string]string{"srv/resolv.conf": "nameserver ::1\n"},
		},
		"directory, new": {Type: "directory", Config: `{"path":"@/srv/a/b","mode":"1777"}`},
		"directory, there already": {
			Type: "directory", Config: `{"path":"@/srv/x","mode":"0700"}`, Before: map[string]string{"srv/x/y": "kept"},
		},
		"link": {
			Type: "link", Config: `{"path":"@/etc/it's/a link","target":"../b c"}`, After: map[string]string{"etc/it's/a link": "-> ../b c"},
		},
		"link, over a file": {
			Type: "link", Config: `{"path":"@/x","target":"/dev/null"}`,
			Before: map[string]string{"x": "kept"}, After: map[string]string{"x": "-> /dev/null"},
		},
		"link, over a link to a folder": {
			Type: "link", Config: `{"path":"@/x","target":"/tmp"}`,
			Before: map[string]string{"x": "-> /srv", "srv/y": ""}, After: map[string]string{"x": "-> /tmp"},
		},
	}
}

func scripts() map[string]Example {
	return map[string]Example{
		"command with creates": {
			Type: "command", Config: `{"run":"printf 1 >>@/made","creates":"@/made","undo":"rm @/made"}`,
			After: map[string]string{"made": "1"},
		},
		"command with check": {
			Type: "command", Config: `{"run":"printf 'it'\"'\"'s' >>@/made","check":"test -s @/made","undo":"rm @/made"}`,
			After: map[string]string{"made": "it's"},
		},
		"command without guard": {
			Type: "command", Config: `{"run":"printf 1 >>@/made\ncat","rerun_on":["v1"]}`,
			After: map[string]string{"made": "1"}, Keeps: true,
		},
		"fact":              {Type: "fact", Config: `{"run":"echo 7"}`, Same: true, Value: "7"},
		"secret":            {Type: "secret", Config: `{"run":"echo 7"}`, Same: true, Value: "7"},
		"wait_for, path":    {Type: "wait_for", Config: `{"path":"@/srv/x"}`, Before: map[string]string{"srv/x": ""}, Same: true},
		"wait_for, command": {Type: "wait_for", Config: `{"command":"test -f @/srv/x"}`, Before: map[string]string{"srv/x": ""}, Same: true},
	}
}

// Modprobe is a modprobe that loads nothing but files below /sys/module.
const Modprobe = `#!/bin/sh
if [ "$1" = -r ]; then rm -r /sys/module/$2; exit; fi
at=/sys/module/$1/parameters; mkdir -p $at; shift
for o; do echo ${o#*=} >$at/${o%%=*}; done
`

// kernel has settings of the network, which is the machine's own. The modules are not: they are made up.
func kernel() map[string]Example {
	return map[string]Example{
		"sysctl": {
			Type: "sysctl", Root: true, Config: `{"name":"net.ipv4.ip_local_port_range","value":"20000   30000"}`,
			After: map[string]string{
				"etc/sysctl.d/90-viver-net.ipv4.ip_local_port_range.conf": "net.ipv4.ip_local_port_range = 20000 30000\n",
			},
		},
		"sysctl, with a dot": {Type: "sysctl", Root: true, Config: `{"name":"net/ipv4/conf/lo/forwarding","value":"1"}`},
		"kernel_module": {
			Type: "kernel_module", Tools: true, Config: `{"name":"zram-x","options":["num_devices=2","x=/a"]}`,
			Before: map[string]string{"opt/bin/modprobe": Modprobe, "sys/module/loop/parameters/max_loop": "8\n"},
			After: map[string]string{
				"sys/module/zram_x/parameters/num_devices": "2\n",
				"etc/modules-load.d/viver-zram_x.conf":     "zram_x\n",
				"etc/modprobe.d/viver-zram_x.conf":         "options zram_x num_devices=2 x=/a\n",
			},
		},
		"kernel_module, there already": {
			Type: "kernel_module", Tools: true, Config: `{"name":"loop","options":["max_loop=9"]}`,
			Before: map[string]string{"opt/bin/modprobe": Modprobe, "sys/module/loop/parameters/max_loop": "8\n"},
			After:  map[string]string{"sys/module/loop/parameters/max_loop": "9\n"},
		},
	}
}

func mounts() map[string]Example {
	const fstab = "# here\n/dev/sda1 / ext4 defaults 0 1\n"
	return map[string]Example{
		"mount": {
			Type: "mount", Root: true,
			Config: `{"path":"/srv/a b/c","source":"scratch","type":"tmpfs","options":["nosuid","noatime","size=1m"]}`,
			After:  map[string]string{`mount:/srv/a\040b/c`: "scratch tmpfs rw,nosuid,noatime"},
		},
		"mount, another place read-only": {
			Type: "mount", Root: true, Config: `{"path":"/mnt","source":"/srv","options":["bind","ro"]}`,
			Before: map[string]string{"mnt/x": "", "srv/y": ""},
		},
		"mount, in fstab": {
			Type: "mount", Root: true, Config: `{"path":"/scratch","source":"tmpfs","type":"tmpfs","persistent":true}`,
			Before: map[string]string{"etc/fstab": fstab},
			After: map[string]string{
				"etc/fstab":      fstab + "tmpfs /scratch tmpfs defaults 0 0\n",
				"mount:/scratch": "tmpfs tmpfs rw,relatime",
			},
		},
	}
}
