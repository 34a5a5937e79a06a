# service: name; enabled and running: true, false, or empty for "as it is".

# manager: which program looks after services here. Of a tree that does not run, only the files tell.
manager() {
	if [ -d /run/systemd/system ]; then
		echo systemd
	elif command -v rc-update >/dev/null; then
		echo openrc
	elif [ -n "$offline" ] && command -v systemctl >/dev/null; then
		echo systemd
	else
		echo sysvinit
	fi
}

service_exists() {
	case $(manager) in
	systemd) systemctl cat "$name" >/dev/null 2>&1 || [ -x "/etc/init.d/$name" ] || { [ -n "$offline" ] && service_file; } ;;
	*) [ -x "/etc/init.d/$name" ] ;;
	esac
}

# service_file: in a tree systemctl cannot say what units there are.
service_file() {
	for unit in /etc/systemd/system /run/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
		if present "$unit/${name%.service}.service"; then return 0; fi
	done
	return 1
}

service_enabled() {
	case $(manager) in
	systemd) systemctl is-enabled --quiet "$name" 2>/dev/null ;;
	openrc) [ -n "$(runlevels)" ] ;;
	sysvinit) set -- /etc/rc[2-5].d/S[0-9][0-9]"$name" && present "$1" ;;
	esac
}

# runlevels: those of OpenRC that the service is in, on one line.
runlevels() {
	for link in /etc/runlevels/*/"$name"; do
		if present "$link"; then
			link=${link%/*}
			printf '%s ' "${link##*/}"
		fi
	done
}

service_running() {
	case $(manager) in
	systemd) systemctl is-active --quiet "$name" ;;
	openrc) rc-service "$name" status >/dev/null 2>&1 ;;
	sysvinit) "/etc/init.d/$name" status >/dev/null 2>&1 ;;
	esac
}

# service_enable true|false [RUNLEVEL...]
service_enable() {
	case $(manager)/$1 in
	systemd/true) systemctl enable "$name" ;;
	systemd/false) systemctl disable "$name" ;;
	openrc/true)
		shift
		for level in "${@:-default}"; do rc-update add "$name" "$level"; done
		;;
	openrc/false) for level in $(runlevels); do rc-update del "$name" "$level"; done ;;
	sysvinit/true) update-rc.d "$name" defaults && update-rc.d "$name" enable ;;
	sysvinit/false) update-rc.d "$name" disable ;;
	esac
}

# service_run true|false: a script of sysvinit ends before its daemon has written its number, so it is given 5 s.
service_run() {
	action=stop
	if [ "$1" = true ]; then action=start; fi
	case $(manager) in
	systemd) systemctl "$action" "$name" ;;
	openrc) rc-service "$name" "$action" ;;
	sysvinit) "/etc/init.d/$name" "$action" ;;
	esac
	ticks=0
	while can_tell && [ "$(yes_no service_running)" != "$1" ] && [ "$ticks" -lt 50 ]; do
		ticks=$((ticks + 1))
		sleep 0.1
	done
	if [ -d "$home" ]; then echo "$1" >"$home/ran"; fi
}

# can_tell: not every script of sysvinit knows the word status.
can_tell() { [ "$(manager)" != sysvinit ] || grep -q status "/etc/init.d/$name"; }

# runs: prints true or false; of a script that cannot tell, what this step has done last, or maybe.
runs() {
	if can_tell; then
		yes_no service_running
	else
		cat "$home/ran" 2>/dev/null || echo maybe
	fi
}

# yes_no COMMAND: prints how it ended.
yes_no() { if "$@"; then echo true; else echo false; fi; }

service_check() {
	if ! service_exists; then
		differs "there is no service $name yet"
		return
	fi
	if [ -n "$enabled" ] && [ "$(yes_no service_enabled)" != "$enabled" ]; then
		differs "enabled -> $enabled"
	fi
	if [ -z "$running" ] || [ -n "$offline" ]; then return 0; fi
	case $(runs) in
	"$running") ;;
	maybe) maybe "/etc/init.d/$name does not tell whether it runs" ;;
	*) differs "running -> $running" ;;
	esac
}

service_apply() {
	if ! service_exists; then fail "there is no service $name ($(manager)): is its package installed?"; fi
	if [ ! -d "$home" ]; then
		remember
		echo "$(yes_no service_enabled) $(runs) $(runlevels)" >"$home/before"
		trap 'service_undo' EXIT
	fi
	if [ -n "$enabled" ] && [ "$(yes_no service_enabled)" != "$enabled" ]; then service_enable "$enabled"; fi
	if [ -n "$running" ] && [ -z "$offline" ] && [ "$(runs)" != "$running" ]; then service_run "$running"; fi
	trap - EXIT
}

service_undo() {
	if [ -f "$home/before" ] && service_exists; then
		read -r was_enabled was_running levels <"$home/before"
		if [ "$was_running" = maybe ]; then was_running=false; fi
		if [ -n "$running" ] && [ -z "$offline" ] && [ "$(runs)" != "$was_running" ]; then service_run "$was_running"; fi
		# shellcheck disable=SC2086 # runlevels are words
		if [ -n "$enabled" ] && [ "$(yes_no service_enabled)" != "$was_enabled" ]; then service_enable "$was_enabled" $levels; fi
	fi
	forget
}
