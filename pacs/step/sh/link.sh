# link: path, target. It is put in place and taken back like a file.

link_check() {
	if [ -L "$path" ]; then
		leads=$(readlink "$path")
		if [ "$leads" != "$target" ]; then differs "$leads -> $target"; fi
	elif [ -d "$path" ]; then
		fail "$path is there and is a directory: remove it first"
	elif present "$path"; then
		differs "a file -> a link to $target"
	else
		differs "create"
	fi
}

link_apply() {
	file_begin
	file_new
	ln -s -- "$target" "$new"
	file_replace
	trap - EXIT
}

link_undo() { file_undo; }
