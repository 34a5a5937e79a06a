# directory: path, mode, owner, group.

directory_check() {
	if ! present "$path"; then
		differs "create"
		return
	fi
	if [ ! -d "$path" ]; then fail "$path is there and is no directory: remove it first"; fi
	access_check
}

directory_apply() {
	if [ -d "$home" ]; then
		mkdir -p "$path"
		access_set "$path"
		return
	fi
	trap 'directory_undo' EXIT
	remember
	parents "$home/parents"
	if [ -d "$path" ]; then
		stat -c '%a %u %g' "$path" >"$home/access"
	else
		mkdir "$path"
		: >"$home/absent"
	fi
	access_set "$path"
	trap - EXIT
}

directory_undo() {
	if [ -f "$home/access" ]; then
		read -r mode owner group <"$home/access"
		if [ -d "$path" ]; then access_set "$path"; fi
	elif [ -e "$home/absent" ]; then
		if ! rmdir "$path" 2>/dev/null && [ -d "$path" ]; then
			differs "kept: something is in it"
		else
			parents_undo "$home/parents"
		fi
	fi
	forget
}
