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
	openrc) present "/etc/runlevels/default/$name" || present "/etc/runlevels/boot/$name" || present "/etc/runlevels/sysinit/$name" ;;
	sysvinit) set -- /etc/rc[2-5].d/S[0-9][0-9]"$name" && present "$1" ;;
	esac
}

service_running() {
	case $(manager) in
	systemd) systemctl is-active --quiet "$name" ;;
	openrc) rc-service "$name" status >/dev/null 2>&1 ;;
	sysvinit) "/etc/init.d/$name" status >/dev/null 2>&1 ;;
	esac
}

# service_enable true|false
service_enable() {
	case $(manager)/$1 in
	systemd/true) systemctl enable "$name" ;;
	systemd/false) systemctl disable "$name" ;;
	openrc/true) rc-update add "$name" default ;;
	openrc/false) rc-update -a del "$name" ;;
	sysvinit/true) update-rc.d "$name" defaults && update-rc.d "$name" enable ;;
	sysvinit/false) update-rc.d "$name" disable ;;
	esac
}

# service_run true|false
service_run() {
	action=stop
	if [ "$1" = true ]; then action=start; fi
	case $(manager) in
	systemd) systemctl "$action" "$name" ;;
	openrc) rc-service "$name" "$action" ;;
	sysvinit) "/etc/init.d/$name" "$action" ;;
	esac
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
	if [ -n "$running" ] && [ -z "$offline" ] && [ "$(yes_no service_running)" != "$running" ]; then
		differs "running -> $running"
	fi
}

service_apply() {
	if ! service_exists; then fail "there is no service $name ($(manager)): is its package installed?"; fi
	if [ ! -d "$home" ]; then
		remember
		echo "$(yes_no service_enabled) $(yes_no service_running)" >"$home/before"
	fi
	if [ -n "$enabled" ] && [ "$(yes_no service_enabled)" != "$enabled" ]; then service_enable "$enabled"; fi
	if [ -n "$running" ] && [ -z "$offline" ] && [ "$(yes_no service_running)" != "$running" ]; then service_run "$running"; fi
}

service_undo() {
	if [ -f "$home/before" ] && service_exists; then
		read -r was_enabled was_running <"$home/before"
		if [ -n "$running" ] && [ "$(yes_no service_running)" != "$was_running" ]; then service_run "$was_running"; fi
		if [ -n "$enabled" ] && [ "$(yes_no service_enabled)" != "$was_enabled" ]; then service_enable "$was_enabled"; fi
	fi
	forget
}
