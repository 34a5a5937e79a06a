# sysctl: name, value (its words with one space between), key (the file in /proc/sys), path (of the file in sysctl.d).

# sysctl_now: prints the value, with one space between its words.
sysctl_now() {
	set -f
	# shellcheck disable=SC2046 # the words
	set -- $(cat "$key")
	echo "$*"
}

sysctl_check() {
	if [ "$(cat "$path" 2>/dev/null)" != "$name = $value" ]; then differs "write $path"; fi
	if [ -n "$offline" ]; then return 0; fi
	if [ ! -e "$key" ]; then
		differs "the kernel has no $name yet"
	elif ! now=$(sysctl_now 2>/dev/null); then
		maybe "$name cannot be read"
	elif [ "$now" != "$value" ]; then
		differs "$now -> $value"
	fi
}

sysctl_apply() {
	if [ -z "$offline" ] && [ ! -e "$key" ]; then fail "the kernel has no $name: is its module loaded?"; fi
	if [ ! -d "$home" ]; then
		trap 'sysctl_undo' EXIT
		remember
		if [ -z "$offline" ]; then sysctl_now >"$home/before" 2>/dev/null || rm -f "$home/before"; fi
		parents "$home/parents"
	fi
	drop "$path.viver"
	printf '%s = %s\n' "$name" "$value" >"$path.viver"
	mv -f "$path.viver" "$path"
	if [ -z "$offline" ]; then printf '%s\n' "$value" >"$key"; fi
	trap - EXIT
}

sysctl_undo() {
	if [ ! -d "$home" ]; then return 0; fi
	rm -f "$path"
	parents_undo "$home/parents"
	if [ -f "$home/before" ] && [ -e "$key" ]; then cat "$home/before" >"$key"; fi
	forget
}
