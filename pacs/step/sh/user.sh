# user: name, uid, group, groups (with spaces between), place (the home folder), shell, hash (of the password), create_home (true, false or
# empty), system (1). What is empty is not looked at.

# user_look: the fields of $name's line are in $its_uid, $its_gid, $its_text, $its_place and $its_shell; false: there is none.
user_look() {
	if ! entry /etc/passwd "$name"; then return 1; fi
	fields=${entry#*:*:}
	its_uid=${fields%%:*} fields=${fields#*:}
	its_gid=${fields%%:*} fields=${fields#*:}
	its_text=${fields%%:*} fields=${fields#*:}
	its_place=${fields%%:*} its_shell=${fields#*:}
}

# user_hash: prints what /etc/shadow has.
user_hash() {
	if ! entry /etc/shadow "$name"; then return 0; fi
	fields=${entry#*:}
	printf %s "${fields%%:*}"
}

# surplus: prints the groups which this step has joined and no longer names.
surplus() {
	if [ ! -f "$home/joined" ]; then return 0; fi
	for one in $(cat "$home/joined"); do
		case " $groups " in
		*" $one "*) ;;
		*) echo "$one" ;;
		esac
	done
}

wants_home() { [ "$create_home" = true ] || [ -z "$create_home$system" ]; }

user_check() {
	if ! user_look; then
		differs "create"
		return
	fi
	if [ -n "$uid" ] && [ "$uid" != "$its_uid" ]; then differs "uid $its_uid -> $uid"; fi
	if [ -n "$group" ] && [ "$(gid_of "$group")" != "$its_gid" ]; then differs "group $(owner_of /etc/group "$its_gid" || echo "$its_gid") -> $group"; fi
	if [ -n "$place" ] && [ "$place" != "$its_place" ]; then differs "home $its_place -> $place"; fi
	if [ -n "$shell" ] && [ "$shell" != "$its_shell" ]; then differs "shell $its_shell -> $shell"; fi
	if [ -n "$hash" ] && [ "$hash" != "$(user_hash)" ]; then differs "another password"; fi
	for one in $groups; do
		if ! member "$one"; then differs "join $one"; fi
	done
	for one in $(surplus); do differs "leave $one"; done
	if wants_home && [ ! -d "${place:-$its_place}" ]; then differs "there is no ${place:-$its_place}"; fi
}

user_apply() {
	first_time=''
	if [ ! -d "$home" ]; then first_time=1; fi
	accounts_begin
	trap 'user_failed' EXIT
	for file in passwd group; do
		if [ ! -f "/etc/$file" ]; then : >"/etc/$file"; fi
	done
	remember
	if [ -n "$first_time" ]; then user_keep; fi
	user_line
	if [ -n "$hash" ] || ! entry /etc/shadow "$name"; then user_password "${hash:-*}"; fi
	user_groups
	if wants_home && [ ! -d "$place" ]; then user_home; fi
	accounts_end
}

# user_groups: the file joined has those which the user is in because of this step.
user_groups() {
	for one in $(surplus); do leave "$one"; done
	: >"$scratch/joined"
	for one in $groups; do
		if ! member "$one"; then
			join "$one"
		elif ! grep -qxF -e "$one" "$home/joined" 2>/dev/null; then
			continue
		fi
		echo "$one" >>"$scratch/joined"
	done
	mv -f "$scratch/joined" "$home/joined"
}

user_failed() {
	accounts_restore
	accounts_unlock
	parents_undo "$scratch/parents"
	if [ -n "$first_time" ]; then forget; fi
}

# user_keep: what undo needs of an account that was there before.
user_keep() {
	if ! user_look; then
		: >"$home/absent"
		return
	fi
	(umask 077 && printf '%s\n' "$entry" >"$home/passwd" && user_hash >"$home/hash")
}

# user_line: writes the line in /etc/passwd. What is not given stays, or is chosen for a new account.
user_line() {
	if ! user_look; then
		its_text=''
		its_place=/home/$name
		its_shell=$(first_of /bin/bash /bin/sh)
		if [ -n "$system" ]; then its_shell=$(first_of /usr/sbin/nologin /sbin/nologin /bin/false); fi
		its_uid=$(new_id /etc/passwd "$uid") || fail "$its_uid"
		if [ -z "$group" ]; then user_group; fi
	elif [ -n "$uid" ] && [ "$uid" != "$its_uid" ]; then
		its_uid=$(new_id /etc/passwd "$uid") || fail "$its_uid"
	fi
	if [ -n "$group" ]; then
		its_gid=$(gid_of "$group") || fail "there is no group $group in /etc/group: make it with a step \"group\""
	fi
	place=${place:-$its_place}
	put /etc/passwd "$name" "$name:x:$its_uid:$its_gid:$its_text:$place:${shell:-$its_shell}"
}

first_of() {
	for candidate; do
		if [ -x "$candidate" ]; then break; fi
	done
	echo "$candidate"
}

# user_group: the group with the user's name is the primary one; it is made if there is none.
user_group() {
	if its_gid=$(gid_of "$name"); then return 0; fi
	its_gid=$its_uid
	if owner_of /etc/group "$its_gid" >/dev/null; then its_gid=$(new_id /etc/group '') || fail "$its_gid"; fi
	new_group "$name" "$its_gid"
	: >"$home/group"
}

user_password() { # HASH
	if entry /etc/shadow "$name"; then
		put /etc/shadow "$name" "$name:$1:${entry#*:*:}"
		: >"$home/hashed"
	else
		put /etc/shadow "$name" "$name:$1:::::::"
	fi
}

# user_home: makes the home folder, whole or not at all.
user_home() {
	if present "$place"; then fail "$place is there and is no directory: remove it first"; fi
	path=$place
	parents "$scratch/parents"
	cat "$scratch/parents" >>"$home/parents"
	drop "$place.viver"
	rm -rf "$place.viver"
	mkdir -m 700 "$place.viver"
	if [ -d /etc/skel ]; then cp -R /etc/skel/. "$place.viver/"; fi
	chown -R "$its_uid:$its_gid" "$place.viver"
	mv "$place.viver" "$place"
	printf '%s\n' "$place" >>"$home/made"
}

user_undo() {
	if [ ! -d "$home" ]; then return 0; fi
	accounts_begin
	if [ -f "$home/joined" ]; then
		for one in $(cat "$home/joined"); do leave "$one"; done
	fi
	if [ -e "$home/absent" ]; then
		put /etc/passwd "$name" ''
		put /etc/shadow "$name" ''
		if [ -e "$home/group" ]; then remove_group "$name"; fi
	else
		put /etc/passwd "$name" "$(cat "$home/passwd")"
		if [ -e "$home/hashed" ]; then user_password "$(cat "$home/hash")"; fi
	fi
	if [ -f "$home/made" ]; then
		while IFS= read -r place; do user_home_undo "$place"; done <"$home/made"
		parents_undo "$home/parents"
	fi
	accounts_end
	forget
}

# user_home_undo FOLDER: it goes if it holds nothing but what it was made with.
user_home_undo() {
	if [ ! -d "$1" ]; then return 0; fi
	find "$1" ! -type d >"$scratch/files"
	while IFS= read -r file; do
		if ! cmp -s "$file" "/etc/skel${file#"$1"}"; then
			differs "kept $1: something is in it"
			return 0
		fi
	done <"$scratch/files"
	rm -rf "$1"
}
