# file: path, content (base64), size, mode, owner, group.

file_content() { printf %s "$content" | base64 -d; }

file_check() {
	if ! present "$path"; then
		differs "create, $size bytes"
		return
	fi
	if [ -L "$path" ]; then
		differs "a symbolic link -> a file"
		return
	fi
	if [ ! -f "$path" ]; then fail "$path is there and is no file: remove it first"; fi
	if ! file_content | cmp -s - "$path"; then differs "content differs, $(stat -c %s "$path") -> $size bytes"; fi
	access_check
}

file_apply() {
	file_begin
	file_new
	(umask 077 && file_content >"$new")
	access_set "$new"
	sync "$new" 2>/dev/null || :
	file_replace
	trap - EXIT
}

# file_begin: keeps what stands at $path, when it is changed for the first time.
file_begin() {
	if [ -d "$home" ]; then
		folder
		mkdir -p "$above"
		return
	fi
	new=''
	trap 'rm -f "$new"; parents_undo "$home/parents"; forget' EXIT
	remember
	parents "$home/parents"
	if present "$path"; then cp -a "$path" "$home/before"; else : >"$home/absent"; fi
}

file_undo() {
	if present "$home/before"; then
		folder
		mkdir -p "$above"
		file_new
		cp -a "$home/before" "$new"
		file_replace
	elif [ -e "$home/absent" ]; then
		rm -f "$path"
		parents_undo "$home/parents"
	fi
	forget
}

# file_new: $new is a name beside $path, and goes away if the run ends early.
file_new() {
	folder
	new=$above/.viver-${home##*/}
	drop "$new"
	if present "$new"; then rm -rf "$new"; fi
}

# file_replace: moves $new to $path at once. Only a link to a folder goes first, or mv would move into that folder.
file_replace() {
	if [ -L "$path" ] && [ -d "$path" ]; then rm -f "$path"; fi
	if [ -d "$path" ]; then fail "$path is a directory now: remove it first"; fi
	mv -f "$new" "$path"
}
