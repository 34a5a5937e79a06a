# What file and directory share: owner, group, mode, and the folders above.

access_check() {
	# shellcheck disable=SC2046 # five words
	set -- $(stat -c '%a %U %u %G %g' "$path")
	if [ "$1" != "$mode" ]; then differs "mode $1 -> $mode"; fi
	access_differs owner "$owner" "$2" "$3"
	access_differs group "$group" "$4" "$5"
}

# access_differs WHAT WANTED NAME NUMBER: compares the one of the last two that is of WANTED's kind.
access_differs() {
	case $2 in
	'' | "$3" | "$4") ;;
	*[!0-9]*) differs "$1 $3 -> $2" ;;
	*) differs "$1 $4 -> $2" ;;
	esac
}

# access_set PATH: chown comes first, as it clears the set-user-ID bit.
access_set() {
	if [ -n "$owner" ]; then chown "$owner" "$1"; fi
	if [ -n "$group" ]; then chgrp "$group" "$1"; fi
	chmod "$mode" "$1"
}

# folder: $above is the folder that $path is in.
folder() {
	above=${path%/*}
	above=${above:-/}
}

# parents FILE: makes the folders above $path, and writes those that it made to FILE, deepest first.
parents() {
	: >"$1"
	folder
	if [ -d "$above" ]; then return 0; fi
	lowest=$above
	while ! present "$above"; do
		printf '%s\n' "$above" >>"$1"
		above=${above%/*}
		above=${above:-/}
	done
	mkdir -p "$lowest"
}

# parents_undo FILE: removes them again where they are empty.
parents_undo() {
	if [ ! -f "$1" ]; then return 0; fi
	while IFS= read -r above; do
		rmdir "$above" 2>/dev/null || :
	done <"$1"
}
