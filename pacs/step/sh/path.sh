# What file and directory share: owner, group, mode, and the folders above.

# name_or_number VALUE NAME NUMBER: the one of the last two that is of VALUE's kind.
name_or_number() {
	case $1 in
	*[!0-9]*) printf '%s' "$2" ;;
	*) printf '%s' "$3" ;;
	esac
}

access_check() {
	found=$(stat -c %a "$path")
	if [ "$found" != "$mode" ]; then differs "mode $found -> $mode"; fi
	if [ -n "$owner" ]; then
		found=$(name_or_number "$owner" "$(stat -c %U "$path")" "$(stat -c %u "$path")")
		if [ "$found" != "$owner" ]; then differs "owner $found -> $owner"; fi
	fi
	if [ -n "$group" ]; then
		found=$(name_or_number "$group" "$(stat -c %G "$path")" "$(stat -c %g "$path")")
		if [ "$found" != "$group" ]; then differs "group $found -> $group"; fi
	fi
}

# access_set PATH: chown comes first, as it clears the set-user-ID bit.
access_set() {
	if [ -n "$owner" ]; then chown "$owner" "$1"; fi
	if [ -n "$group" ]; then chgrp "$group" "$1"; fi
	chmod "$mode" "$1"
}

# parents FILE: makes the folders above $path, and writes those that it made to FILE, deepest first.
parents() {
	above=$(dirname "$path")
	: >"$1"
	while ! present "$above"; do
		printf '%s\n' "$above" >>"$1"
		above=$(dirname "$above")
	done
	mkdir -p "$(dirname "$path")"
}

# parents_undo FILE: removes them again where they are empty.
parents_undo() {
	if [ ! -f "$1" ]; then return 0; fi
	while IFS= read -r above; do
		rmdir "$above" 2>/dev/null || return 0
	done <"$1"
}
