# What is done on a server outside of its agent: sh -c THIS viver WORD DIR UNIT [DIGEST]. DIR is the data folder, UNIT the name of the
# systemd unit, where systemd runs. What comes on standard input must have the DIGEST (SHA-256, hexadecimal): a connection that breaks
# looks like its end.
set -eu
word=$1 dir=$2 unit=$3 digest=${4:-}
program=$dir/viver-node

fail() {
	printf '%s\n' "$1" >&2
	exit 1
}

# systemd_here: systemd looks after this very system. In a network namespace of one's own it would start the agent outside of it.
systemd_here() {
	[ -d /run/systemd/system ] && [ "$(readlink /proc/self/ns/net)" = "$(readlink /proc/1/ns/net)" ]
}

# agent_pid prints the process ID of the agent if it runs.
agent_pid() {
	if systemd_here; then
		pid=$(systemctl show --property=MainPID --value "$unit")
		if [ "$pid" != 0 ]; then echo "$pid"; fi
		return 0
	fi
	pid=$(cat "$dir/agent.pid" 2>/dev/null) || return 0
	case $pid in
	'' | *[!0-9]*) return 0 ;;
	esac
	real=$(cd "$dir" && pwd -P)/viver-node
	case $(readlink "/proc/$pid/exe" 2>/dev/null) in
	"$real" | "$real (deleted)") echo "$pid" ;;
	esac
}

word_inspect() {
	echo "user $(id -u)"
	if [ -f "$program" ]; then
		sum=$(sha256sum "$program")
		echo "program ${sum%% *}"
	fi
	for name in identity.json host_key-cert.pub tls.crt passport.crt; do
		if [ -f "$dir/identity/$name" ]; then echo "$name $(base64 <"$dir/identity/$name" | tr -d '\n')"; fi
	done
	echo "pid $(agent_pid)"
}

# take keeps standard input in the file $1, durably, if all of it came; else there is no such file.
take() {
	mkdir -p "$dir"
	if ! cat >"$1"; then
		rm -f "$1"
		fail "nothing can be written to $dir: make room there, or set another data_dir"
	fi
	sum=$(sha256sum <"$1")
	if [ "${sum%% *}" != "$digest" ]; then
		rm -f "$1"
		fail 'the connection broke before all of it had come'
	fi
	sync "$1" 2>/dev/null || sync
}

# word_identity replaces the identity by the files on standard input, a line "NAME BASE64" each.
word_identity() {
	umask 077
	take "$dir/identity.in"
	rm -rf "$dir/identity.new" "$dir/identity.old"
	mkdir "$dir/identity.new"
	while read -r name data; do
		printf %s "$data" | base64 -d >"$dir/identity.new/$name"
	done <"$dir/identity.in"
	rm -f "$dir/identity.in"
	sync
	if [ -d "$dir/identity" ]; then mv "$dir/identity" "$dir/identity.old"; fi
	mv "$dir/identity.new" "$dir/identity"
	rm -rf "$dir/identity.old"
}

# word_program replaces viver-node by standard input.
word_program() {
	take "$program.new"
	chmod 755 "$program.new"
	mv -f "$program.new" "$program"
}

word_start() {
	if ! systemd_here; then
		cd /
		if command -v setsid >/dev/null; then set -- setsid; else set -- nohup; fi
		"$@" "$program" agent --dir "$dir" </dev/null >>"$dir/agent.log" 2>&1 &
		echo $! >"$dir/agent.pid"
		return
	fi
	cat >"/etc/systemd/system/$unit" <<END
[Unit]
Description=viver: agent of $dir
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart="$program" agent --dir "$dir"
Restart=on-failure
RestartSec=2
KillMode=mixed

[Install]
WantedBy=multi-user.target
END
	systemctl daemon-reload
	systemctl enable --quiet "$unit"
	systemctl restart "$unit"
}

# word_alive fails when the agent has ended.
word_alive() {
	if systemd_here; then
		case $(systemctl is-active "$unit") in active | activating) return 0 ;; esac
		return 1
	fi
	[ -n "$(agent_pid)" ]
}

word_stop() {
	if systemd_here && [ -f "/etc/systemd/system/$unit" ]; then
		systemctl disable --quiet --now "$unit"
	fi
	pid=$(agent_pid)
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || :
		tries=0
		while [ -n "$(agent_pid)" ]; do
			tries=$((tries + 1))
			if [ "$tries" = 15 ]; then kill -9 "$pid" 2>/dev/null || :; fi
			if [ "$tries" -gt 20 ]; then fail "the agent, process $pid, cannot be ended"; fi
			sleep 1
		done
	fi
	rm -f "$dir/agent.pid"
}

# word_remove takes away what viver has made, and nothing else.
word_remove() {
	word_stop
	if [ -f "/etc/systemd/system/$unit" ]; then
		rm -f "/etc/systemd/system/$unit"
		if systemd_here; then systemctl daemon-reload; fi
	fi
	if [ ! -d "$dir" ]; then return 0; fi
	for name in identity identity.in identity.new identity.old images units steps roster.json agent.pid agent.log agent.log.1 agent.log.new viver-node viver-node.new; do
		rm -rf "${dir:?}/$name"
	done
	rmdir "$dir" 2>/dev/null || :
}

word_log() {
	if systemd_here; then
		journalctl -q -n 20 -o cat -u "$unit"
	else
		tail -n 20 "$dir/agent.log"
	fi
}

"word_$word"
